import { newId } from '../../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import {
  OWNER_PATTERN,
  RELYING_NAME_PATTERN,
  type RelyingEntry,
  type RelyingId,
  type RelyingView,
  relyingProblem,
} from './contract.ts'
import type { RelyingChanges } from './follow.ts'
import { type RelyingRoom, requireService } from './relying-room.ts'
import { get, idsWhere, nameTaken, put, removeWhere, type ServiceRow } from './store.ts'

export interface NewRelying {
  readonly name: string
  readonly owner: string
  readonly default?: boolean | undefined
}

/** Throws Problems `relying_invalid`, `relying_name_taken`. */
export async function addService(room: RelyingRoom, asked: NewRelying, by: Actor): Promise<RelyingEntry> {
  const { name, owner } = asked
  if (!RELYING_NAME_PATTERN.test(name) || !OWNER_PATTERN.test(owner)) throw relyingProblem('relying_invalid')
  const isDefault = asked.default === true
  const row: ServiceRow = {
    id: newId('rel'),
    name,
    owner,
    status: 'active',
    is_default: isDefault ? 1 : 0,
    created_at: room.clock.now(),
  }
  await room.storage.write(async (tx) => {
    if (await nameTaken(tx, name)) throw relyingProblem('relying_name_taken', { facts: { name } })
    const ev = { what: 'relying.added', service: row.id, name, owner, default: isDefault }
    const rows = isDefault ? [...(await undefaulted(tx)), row] : [row]
    await putServices(tx, rows, { type: 'auth', actor: by, ev })
  })
  return requireService(room, row.id)
}

/** From now on the audience of tokens that name none; no service at all when it is left out. Throws `relying_unknown`. */
export async function setDefault(room: RelyingRoom, idOrName: string | undefined, by: Actor): Promise<void> {
  const service = idOrName === undefined ? undefined : requireService(room, idOrName)
  const ev = { what: 'relying.default', service: service?.id }
  await room.storage.write(async (tx) => {
    const rows = await undefaulted(tx)
    if (service !== undefined) rows.push({ ...(await requireRow(tx, service.id)), is_default: 1 })
    await putServices(tx, rows, { type: 'auth', actor: by, ev })
  })
}

/** How many rows of what hung on a service went with it. */
export interface WentWithService {
  readonly keys: number
  readonly roles: number
  readonly assignments: number
}

/**
 * Removes a service with its keys, roles and who had them. Its reports stay in the history and weigh nothing any more.
 * Throws Problem `relying_unknown`.
 */
export async function removeService(room: RelyingRoom, idOrName: string, by: Actor): Promise<WentWithService> {
  const service = requireService(room, idOrName)
  return room.storage.write(
    async (tx) => {
      const keys = await removeWhere(tx, 'relying_keys', { service: service.id })
      const roles = await removeWhere(tx, 'relying_roles', { service: service.id })
      const assignments = await removeWhere(tx, 'role_assignments', { service: service.id })
      const ev = { what: 'relying.removed', service: service.id, name: service.name, keys, roles, assignments }
      const row: ServiceRow = { ...service.toRow(), status: 'removed', is_default: 0 }
      await putServices(tx, [row], { type: 'revoke', actor: by, ev })
      return { keys, roles, assignments }
    },
    { urgent: true },
  )
}

export function viewService({ id, name, owner, status, isDefault, createdAt }: RelyingEntry): RelyingView {
  return { id, name, owner, status, default: isDefault, createdAt }
}

/** Rows of those that are the default in this transaction and shall not be. */
async function undefaulted(tx: Tx): Promise<ServiceRow[]> {
  const rows: ServiceRow[] = []
  for (const id of await idsWhere(tx, 'relying_services', { is_default: 1 })) {
    const row = await get(tx, 'relying_services', id)
    if (row !== undefined) rows.push({ ...row, is_default: 0 })
  }
  return rows
}

/** The row of a service that is still there in this transaction. Throws Problem `relying_unknown`. */
export async function requireRow(tx: Tx, id: RelyingId): Promise<ServiceRow> {
  const row = await get(tx, 'relying_services', id)
  if (row?.status !== 'active') throw relyingProblem('relying_unknown')
  return row
}

async function putServices(tx: Tx, rows: RelyingChanges['relying'], record: ChangeRecord): Promise<void> {
  for (const row of rows) await put(tx, 'relying_services', row)
  await tx.change({ kind: 'relying', ref: rows.at(-1)?.id ?? 'none', after: rows, record })
}
