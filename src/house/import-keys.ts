// Keys for the journals of `claviger import`. The command line seals with them what it takes out of files; the vault seals
// the keys, so that a journal alone opens nothing. Whoever opens one is an operator and on record before the key goes out.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { fromBase64url, toBase64url } from '../crypto/base64url.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import type { Rooms } from '../rooms.ts'
import type { Actor } from '../storage/storage.ts'
import { vaultProblem, vaultProblems } from '../vault/contract.ts'

const JournalParam = z.strictObject({ journal: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) })
/** base64url of 32 bytes. */
const Key = z.string()

export const makeImportKey = endpoint({
  method: 'POST',
  path: '/claviger/v1/import-keys/{journal}',
  caller: 'operator',
  summary: 'A new key for a journal of imports, and the same key sealed by the vault; neither is kept here',
  params: JournalParam,
  reply: z.object({ key: Key, sealed: z.string() }),
  status: 201,
  problems: vaultProblems,
})

export const openImportKey = endpoint({
  method: 'GET',
  path: '/claviger/v1/import-keys/{journal}',
  caller: 'operator',
  role: 'owner',
  summary: 'The key that was sealed here for this journal; that it was opened is recorded first',
  params: JournalParam,
  query: z.strictObject({ sealed: z.string().max(512) }),
  reply: z.object({ key: Key }),
  problems: vaultProblems,
})

export function importKeyRoutes<Who>(
  { vault, audit, storage }: Rooms,
  actorOf: (who: Who) => Actor,
): BoundEndpoint<Who>[] {
  const purpose = (journal: string) => `import-journal/${journal}`
  return [
    bind(makeImportKey, ({ params }) => {
      const key = randomBytes(32)
      const made = { key: toBase64url(key), sealed: toBase64url(vault.sealKey(purpose(params.journal), key)) }
      key.fill(0)
      return made
    }),
    bind(openImportKey, async ({ params: { journal }, query, caller }) => {
      const sealed = fromBase64url(query.sealed)
      if (sealed === undefined) throw vaultProblem('room_key_damaged', { facts: { purpose: purpose(journal) } })
      const key = vault.openKey(purpose(journal), sealed)
      const actor = actorOf(caller as Who)
      await audit.append({ type: 'key.import_opened', actor, epoch: storage.epoch(), ev: { journal } })
      const shown = toBase64url(key.reveal())
      key.wipe()
      return { key: shown }
    }),
  ]
}
