// What only operators do: look at what was revoked at the door, and give it back (§1.4: nobody can at the door itself).
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf } from '../../http/shapes.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import { removeRevocation } from './store.ts'
import type { VaultBook } from './vault-book.ts'

const problems = {
  vault_revocation_unknown: { status: 404, title: 'There is no such revocation' },
} as const
const problem = problemsOf(problems)

const View = z.object({
  id: z.string(),
  kind: z.enum(['session', 'task', 'agent']),
  /** Name of the session or task, or id of the agent. */
  value: z.string(),
  /** Id of the agent for which alone it holds. */
  agent: z.string().optional(),
  reason: z.string(),
  at: z.int(),
})

export const listVaultRevocations = endpoint({
  method: 'GET',
  path: '/claviger/v1/agentvault/revocations',
  caller: 'operator',
  summary: 'What was revoked at the door for agentic-credential-vault: sessions, tasks, agents',
  reply: listOf(View),
})

export const endVaultRevocation = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agentvault/revocations/{id}',
  caller: 'operator',
  summary: 'Give it back: tokens may be issued for it again, and those that live count again',
  params: z.strictObject({ id: z.string().regex(/^[\w-]{43}$/) }),
  reply: Done,
  problems,
})

export interface RevocationRouteNeeds<Who> {
  readonly book: VaultBook
  readonly storage: Storage
  readonly actorOf: (who: Who) => Actor
}

export function revocationRoutes<Who>({ book, storage, actorOf }: RevocationRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [
    bind(listVaultRevocations, () => ({ items: [...book.revocations()].sort((one, other) => one.at - other.at) })),
    bind(endVaultRevocation, async ({ params: { id }, caller }) => {
      const revocation = book.revocations().find((one) => one.id === id)
      if (revocation === undefined) throw problem('vault_revocation_unknown', { facts: { id } })
      await storage.write(async (tx) => {
        await removeRevocation(tx, id)
        const ev = { what: 'agentvault.unrevoked', id, kind: revocation.kind, agent: revocation.agent }
        const record = { type: 'config', actor: actorOf(caller as Who), ev }
        await tx.change({ kind: 'agentvault_unrevoked', ref: id, record })
      })
      return done
    }),
  ]
}
