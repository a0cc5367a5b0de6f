/** The only file of the room that speaks SQL. */
import type { TokenKind } from '../crypto/tokens.ts'
import type { AgentId, OperatorId, TokenId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import type { AnyRole } from '../http/endpoint.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import type { AgentStatus } from './contract.ts'
import type { DoorName } from './doors/contract.ts'
import type { DoorSaltRow } from './doors/store.ts'
import type { InviteRow, KeyRow } from './keys/store.ts'
import { openAgent, type PersonalBox, type StoredAgentRow, sealAgent } from './personal.ts'
import type { SessionRow } from './sessions/store.ts'

export interface AgentRow {
  readonly id: AgentId
  readonly name: string
  readonly status: AgentStatus
  readonly created_at: number
  /** The operator who answers for it. */
  readonly owner?: string | null
  readonly email?: string | null
  readonly origin?: AgentOrigin | null
  /** For people, where a door lets names be anything. */
  readonly label?: string | null
  /** As storage wrote it: of the change that made the row what it is. */
  readonly epoch?: number
}

/** How an agent came here: `named-invite` by an invite that says its name, `invite` and `public` by a name of its own choice. */
export type AgentOrigin = 'operator' | 'named-invite' | 'invite' | 'public'

export interface OperatorRow {
  readonly id: OperatorId
  readonly name: string
  /** Null in the row of the first operator, from before there were roles: an owner. */
  readonly role?: AnyRole | null
  readonly status: 'active' | 'revoked'
  readonly created_at: number
  /** Of a member, if they gave one. */
  readonly display_name?: string | null
}

export interface TokenRow {
  readonly id: TokenId
  readonly kind: TokenKind | DoorName
  readonly owner: string
  readonly label: string | null
  readonly hash: Uint8Array
  /** Version of the pepper that `hash` was made with. */
  readonly pepper: number
  /** Epoch of the change that issued it; `epoch` moves with every change of the row, this never does. */
  readonly issued_epoch: number
  readonly status: 'active' | 'revoked'
  readonly created_at: number
  readonly expires_at: number
  readonly revoked_at: number | null
  /** Where it may be shown, as token-sources.ts writes it; null: anywhere. */
  readonly sources?: string | null
}

const REVOKE_ALL = 'all'

export async function agentNameTaken(tx: Tx, name: string): Promise<boolean> {
  const row = await tx.db.selectFrom('agents').select('id').where('name', '=', name).executeTakeFirst()
  return row !== undefined
}

export async function operatorNameTaken(tx: Tx, name: string): Promise<boolean> {
  const row = await tx.db.selectFrom('operators').select('id').where('name', '=', name).executeTakeFirst()
  return row !== undefined
}

/** Ids of the operators who may do everything, as this transaction sees them. */
export async function activeOwners(tx: Tx): Promise<string[]> {
  const active = tx.db.selectFrom('operators').select('id').where('status', '=', 'active')
  const rows: { id: string }[] = await active
    .where((is) => is.or([is('role', '=', 'owner'), is('role', 'is', null)]))
    .execute()
  return rows.map(({ id }) => id)
}

export const putAgent = (tx: Tx, row: AgentRow, box: PersonalBox): Promise<void> =>
  tx.put('agents', { ...sealAgent(box, row) })
/** The agent's status as this transaction sees it; undefined for a row that other hands edited. */
export async function agentStatus(tx: Tx, id: AgentId): Promise<AgentStatus | undefined> {
  try {
    return (await tx.get<AgentRow>('agents', id))?.status
  } catch (error) {
    if (error instanceof Problem && error.code === 'row_tampered') return undefined
    throw error
  }
}

export const putOperator = (tx: Tx, row: OperatorRow): Promise<void> => tx.put('operators', { ...row })
export const putToken = (tx: Tx, row: TokenRow): Promise<void> => tx.put('tokens', { ...row })

export async function putRevokeAll(tx: Tx, upToEpoch: number): Promise<void> {
  await tx.put('revocations', { id: REVOKE_ALL, up_to_epoch: upToEpoch })
}

/** Where the rows of a start go, one by one. */
export interface RowTaker {
  agent(row: AgentRow): void
  operator(row: OperatorRow): void
  token(row: TokenRow): void
  revokeAll(upToEpoch: number): void
  key(row: KeyRow): void
  invite(row: InviteRow): void
  session(row: SessionRow): void
  salt(row: DoorSaltRow): void
}

/** Hands over every row whose MAC holds, all of one moment, owners before tokens. Resolves to the bad ids of each table. */
export async function loadInto(
  storage: Storage,
  take: RowTaker,
  box: PersonalBox,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const revocation = (row: { readonly up_to_epoch: number }) => take.revokeAll(row.up_to_epoch)
  const takers = {
    agents: (row: StoredAgentRow) => take.agent(openAgent(box, row)),
    operators: take.operator,
    tokens: take.token,
    revocations: revocation,
    agent_keys: take.key,
    invites: take.invite,
    sessions: take.session,
    door_salts: take.salt,
  }
  const tables = Object.entries(takers) as [string, (row: unknown) => void][]
  const bad = await Promise.all(tables.map(([table, taker]) => storage.loadEach(table, taker)))
  return new Map(tables.map(([table], at) => [table, bad[at] ?? []]))
}
