/** The only file of this part that speaks SQL. */
import type { AgentId, TokenId } from '../../ground/ids.ts'
import type { Storage, Tx } from '../../storage/storage.ts'
import type { RelyingId, ReportId, ReportState } from './contract.ts'

export interface ServiceRow {
  readonly id: RelyingId
  readonly name: string
  readonly owner: string
  readonly status: 'active' | 'removed'
  readonly is_default: 0 | 1
  readonly created_at: number
}

export interface KeyRow {
  readonly id: TokenId
  readonly service: RelyingId
  readonly label: string | null
  readonly hash: Uint8Array
  /** Version of the pepper that `hash` was made with. */
  readonly pepper: number
  readonly status: 'active' | 'revoked'
  readonly created_at: number
  readonly revoked_at: number | null
}

export interface RoleRow {
  /** `<service>/<role>` */
  readonly id: string
  readonly service: RelyingId
  readonly role: string
  /** Canonical JSON of a list. */
  readonly permissions: string
  readonly created_at: number
}

export interface AssignmentRow {
  /** `<agent>/<service>/<role>` */
  readonly id: string
  readonly agent: AgentId
  readonly service: RelyingId
  readonly role: string
  readonly expires_at: number | null
  readonly created_at: number
}

export interface ReportRow {
  readonly id: ReportId
  readonly service: RelyingId
  readonly agent: AgentId
  /** As JSON writes the number. */
  readonly score: string
  /** Tenths. */
  readonly score_before: number
  readonly reason: string
  readonly reason_salt: Uint8Array
  readonly at: number
  readonly window_at: number
  readonly state: ReportState
  readonly disputed_at: number | null
  readonly decided_at: number | null
}

/** The tables of this part and what their rows are. */
export interface Rows {
  readonly relying_services: ServiceRow
  readonly relying_keys: KeyRow
  readonly relying_roles: RoleRow
  readonly role_assignments: AssignmentRow
  readonly trust_reports: ReportRow
}
type Table = keyof Rows

export const roleRowId = (service: RelyingId, role: string): string => `${service}/${role}`
export const assignmentRowId = (agent: AgentId, service: RelyingId, role: string): string =>
  `${agent}/${service}/${role}`

export const put = <T extends Table>(tx: Tx, table: T, row: Rows[T]): Promise<void> => tx.put(table, { ...row })

/** A row as this transaction sees it, its MAC checked. Throws Problem `row_tampered`. */
export const get = <T extends Table>(tx: Tx, table: T, id: string): Promise<Rows[T] | undefined> => tx.get(table, id)

export async function nameTaken(tx: Tx, name: string): Promise<boolean> {
  const active = tx.db.selectFrom('relying_services').select('id').where('status', '=', 'active')
  return (await active.where('name', '=', name).executeTakeFirst()) !== undefined
}

/** Ids of the rows with these values, whoever put them there. */
export async function idsWhere(
  tx: Tx,
  table: Table,
  values: { readonly [column in 'agent' | 'service' | 'role']?: string } & { readonly is_default?: 1 },
): Promise<string[]> {
  let query = tx.db.selectFrom(table).select('id')
  for (const [column, value] of Object.entries(values)) query = query.where(column, '=', value)
  const rows: { id: string }[] = await query.execute()
  return rows.map(({ id }) => id)
}

/** Removes those rows; gives how many there were. */
export async function removeWhere(tx: Tx, table: Table, values: Parameters<typeof idsWhere>[2]): Promise<number> {
  const ids = await idsWhere(tx, table, values)
  for (const id of ids) await tx.remove(table, id)
  return ids.length
}

/** The service's newest report on the agent that was not dropped, its MAC checked. */
export async function newestReport(tx: Tx, agent: AgentId, service: RelyingId): Promise<ReportRow | undefined> {
  const standing = tx.db.selectFrom('trust_reports').select('id').where('state', '!=', 'dropped')
  const ofPair = standing.where('agent', '=', agent).where('service', '=', service)
  const found: { id: string } | undefined = await ofPair.orderBy('window_at', 'desc').limit(1).executeTakeFirst()
  return found && get(tx, 'trust_reports', found.id)
}

/** Where the rows of a start go, one by one. */
export type RowTaker = { readonly [T in Table]: (row: Rows[T]) => void }

/**
 * Hands over every row whose MAC holds, all of one moment, services before what belongs to them. Resolves to the bad ids of
 * each table.
 */
export async function loadInto(storage: Storage, take: RowTaker): Promise<ReadonlyMap<string, readonly string[]>> {
  const each = <T extends Table>(table: T) => storage.loadEach<Rows[T]>(table, take[table])
  const tables = ['relying_services', 'relying_keys', 'relying_roles', 'role_assignments', 'trust_reports'] as const
  const bad = await Promise.all(tables.map((table) => each(table)))
  return new Map(tables.map((table, at) => [table, bad[at] ?? []]))
}
