import { newId } from '../../ground/ids.ts'
import type { Secret } from '../../ground/secret.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import { LABEL_PATTERN } from '../contract.ts'
import { type KeyView, MAX_KEYS, type RelyingPrincipal, relyingProblem } from './contract.ts'
import type { RelyingService, ServiceKey } from './relying-directory.ts'
import { type RelyingRoom, requireService } from './relying-room.ts'
import { isServiceKey, newServiceKey, storedServiceKey } from './service-key.ts'
import { requireRow } from './services.ts'
import { type KeyRow, put } from './store.ts'

export interface IssuedServiceKey {
  readonly view: KeyView
  readonly service: RelyingService
  /** Shown to its owner once; kept by nobody. */
  readonly key: Secret
}

/** Throws Problems `relying_unknown`, `relying_label_invalid`, `relying_keys_too_many`, `vault_sealed`. */
export async function issueKey(
  room: RelyingRoom,
  asked: { readonly service: string; readonly label?: string | undefined },
  by: Actor,
): Promise<IssuedServiceKey> {
  const service = requireService(room, asked.service)
  const { label } = asked
  if (label !== undefined && !LABEL_PATTERN.test(label)) throw relyingProblem('relying_label_invalid')
  const live = [...service.keys.values()].filter(({ status }) => status === 'active')
  if (live.length >= MAX_KEYS) throw relyingProblem('relying_keys_too_many')
  const pepper = room.pepper()
  const { key, hash } = newServiceKey(pepper.key)
  const row: KeyRow = {
    id: newId('tok'),
    service: service.id,
    label: label ?? null,
    hash,
    pepper: pepper.version,
    status: 'active',
    created_at: room.clock.now(),
    revoked_at: null,
  }
  await room.storage.write(async (tx) => {
    await requireRow(tx, service.id)
    const ev = { what: 'relying.key.issued', key: row.id, service: service.id }
    await putKeys(tx, [row], { type: 'auth', actor: by, ev })
  })
  return { view: viewRow(row), service, key }
}

/** Revokes one key of the service; twice is no error. Throws Problems `relying_unknown`, `relying_key_unknown`. */
export async function revokeKey(room: RelyingRoom, serviceName: string, id: string, by: Actor): Promise<void> {
  const service = requireService(room, serviceName)
  const key = service.keys.get(id)
  if (key === undefined) throw relyingProblem('relying_key_unknown')
  await revokeKeys(room, [key], by, { service: service.id, key: key.id })
}

/** Revokes every key of every service: after an older database was accepted, since one that was revoked may be back. */
export async function revokeAllKeys(room: RelyingRoom, by: Actor): Promise<number> {
  const live = [...room.directory.keys()].filter(({ status }) => status === 'active')
  if (live.length > 0) await revokeKeys(room, live, by, { all: true, count: live.length })
  return live.length
}

/** Revokes a key that somebody found and shows. False if it is none of ours; it may be dead already. */
export async function revokeLeakedKey(room: RelyingRoom, presented: string): Promise<boolean> {
  const key = keyOf(room, presented)
  if (key === undefined) return false
  const ev = { key: key.id, service: key.row.service, why: 'leaked' }
  if (key.status === 'active') await revokeKeys(room, [key], { kind: 'system', id: 'finder' }, ev)
  return true
}

/**
 * The service that presents this key; undefined for anything else. No SQL, nothing allocated but the hash. The look-up need
 * not be constant-time: it goes by a hash under a key that the caller does not have. Throws Problem `vault_sealed`.
 */
export function authenticateKey(room: RelyingRoom, presented: string): RelyingPrincipal | undefined {
  const key = keyOf(room, presented)
  if (key?.status !== 'active' || key.principal.service.status !== 'active') return undefined
  return key.principal
}

export function viewKeys(service: RelyingService): KeyView[] {
  return Array.from(service.keys.values(), ({ row, status, revokedAt }) =>
    viewRow({ ...row, status, revoked_at: revokedAt ?? null }),
  )
}

function keyOf({ pepper, directory }: RelyingRoom, presented: string): ServiceKey | undefined {
  return isServiceKey(presented) ? directory.keyByHash(storedServiceKey(pepper().key, presented)) : undefined
}

/** The rows are made from memory, which was authenticated: a row edited since then cannot stop the change. */
async function revokeKeys(
  { storage, clock }: RelyingRoom,
  keys: readonly ServiceKey[],
  by: Actor,
  told: ChangeRecord['ev'],
): Promise<void> {
  const now = clock.now()
  const rows = keys.map(({ row, revokedAt }): KeyRow => ({ ...row, status: 'revoked', revoked_at: revokedAt ?? now }))
  const record: ChangeRecord = { type: 'revoke', actor: by, ev: { what: 'relying.key.revoked', ...told } }
  await storage.write((tx) => putKeys(tx, rows, record), { urgent: true })
}

async function putKeys(tx: Tx, rows: readonly KeyRow[], record: ChangeRecord): Promise<void> {
  for (const row of rows) await put(tx, 'relying_keys', row)
  await tx.change({ kind: 'relying_keys', ref: rows[0]?.id ?? 'none', after: rows, record })
}

function viewRow({ id, label, status, created_at, revoked_at }: KeyRow): KeyView {
  return {
    id,
    status,
    createdAt: created_at,
    ...(label !== null && { label }),
    ...(revoked_at !== null && { revokedAt: revoked_at }),
  }
}
