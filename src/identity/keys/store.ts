/** The rows of keys and invites. */
import type { AgentId, KeyId } from '../../ground/ids.ts'
import type { Tx } from '../../storage/storage.ts'
import type { KeyStatus } from './contract.ts'

export interface KeyRow {
  readonly id: KeyId
  readonly agent: AgentId
  /** DER, canonical. */
  readonly spki: Uint8Array
  readonly thumbprint: string
  readonly status: KeyStatus
  readonly bound: 0 | 1
  readonly created_at: number
  readonly retires_at: number | null
  readonly revoked_at: number | null
  /** JSON, as it was given. */
  readonly attestation: string | null
  /** As storage wrote it: of the change that made the row what it is. */
  readonly epoch?: number
}

export interface InviteRow {
  readonly id: string
  readonly hash: Uint8Array
  readonly agent: AgentId | null
  /** What a new agent is called; without it the agent says so itself. */
  readonly name?: string | null
  readonly operator: string
  readonly status: 'open' | 'used' | 'revoked'
  readonly created_at: number
  readonly expires_at: number
}

export const putKey = (tx: Tx, row: KeyRow): Promise<void> => tx.put('agent_keys', { ...row })
export const getKey = (tx: Tx, id: string): Promise<KeyRow | undefined> => tx.get<KeyRow>('agent_keys', id)
export const putInvite = (tx: Tx, row: InviteRow): Promise<void> => tx.put('invites', { ...row })
export const getInvite = (tx: Tx, id: string): Promise<InviteRow | undefined> => tx.get<InviteRow>('invites', id)

/** The agent's keys that may sign in, as this transaction sees them. */
export async function liveKeys(tx: Tx, agent: AgentId, now: number): Promise<{ id: string; active: boolean }[]> {
  const rows: Pick<KeyRow, 'id' | 'status' | 'retires_at'>[] = await tx.db
    .selectFrom('agent_keys')
    .select(['id', 'status', 'retires_at'])
    .where('agent', '=', agent)
    .where('status', '!=', 'revoked')
    .execute()
  const live = rows.filter(({ status, retires_at: end }) => status === 'active' || now < (end ?? 0))
  return live.map(({ id, status }) => ({ id, active: status === 'active' }))
}

/** How many keys the agent was given since then, revoked ones too. */
export async function newKeys(tx: Tx, agent: AgentId, since: number): Promise<number> {
  const query = tx.db
    .selectFrom('agent_keys')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('agent', '=', agent)
  return Number((await query.where('created_at', '>', since).executeTakeFirst())?.count ?? 0)
}

export async function isKeyKnown(tx: Tx, thumbprint: string): Promise<boolean> {
  const query = tx.db.selectFrom('agent_keys').select('id').where('thumbprint', '=', thumbprint)
  return (await query.executeTakeFirst()) !== undefined
}
