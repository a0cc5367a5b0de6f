/** The only file of the room that speaks SQL. */
import type { AgentId, CredentialId, ServiceId, TokenId } from '../ground/ids.ts'
import type { Storage, Tx } from '../storage/storage.ts'

export interface PlaceholderRow {
  readonly id: string
  readonly agent: AgentId
  readonly token: TokenId
  readonly service: ServiceId
  readonly credential: CredentialId
  readonly hash: Uint8Array
  /** Version of the pepper that `hash` was made with. */
  readonly pepper: number
  readonly before: string
  readonly variables: string
  readonly created_at: number
  readonly expires_at: number
}

export const putPlaceholder = (tx: Tx, row: PlaceholderRow): Promise<void> => tx.put('placeholders', { ...row })

export const removePlaceholder = (tx: Tx, id: string): Promise<void> => tx.remove('placeholders', id)

export const loadPlaceholders = (storage: Storage): Promise<{ rows: PlaceholderRow[]; bad: string[] }> =>
  storage.load<PlaceholderRow>('placeholders')
