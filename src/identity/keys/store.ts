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
}

export interface InviteRow {
  readonly id: string
  readonly hash: Uint8Array
  readonly agent: AgentId | null
  readonly operator: string
  readonly status: 'open' | 'used' | 'revoked'
  readonly created_at: number
  readonly expires_at: number
}

export const putKey = (tx: Tx, row: KeyRow): Promise<void> => tx.put('agent_keys', { ...row })
export const putInvite = (tx: Tx, row: InviteRow): Promise<void> => tx.put('invites', { ...row })
export const getInvite = (tx: Tx, id: string): Promise<InviteRow | undefined> => tx.get<InviteRow>('invites', id)
