import type { Change } from '../storage/storage.ts'
import type { Directory } from './directory.ts'
import type { AgentRow, OperatorRow, TokenRow } from './store.ts'

/** What this room's changes hand to followers, by `kind`. */
export interface IdentityChanges {
  readonly agent: AgentRow
  readonly operator: OperatorRow
  /** `ref` is the token's id; its row says whether it was issued or revoked. */
  readonly token: TokenRow
  /** Several tokens of one owner (`ref`) were revoked. */
  readonly tokens_revoked: readonly TokenRow[]
  /** Every agent's token issued up to the change's epoch is dead. */
  readonly revoke_all: undefined
}

/** Brings the read-model up to date with one commit. Changes of other rooms are none of its business. */
export function followChange(directory: Directory, change: Change): void {
  if (change.kind === 'agent') directory.putAgent(change.after as AgentRow)
  else if (change.kind === 'operator') directory.putOperator(change.after as OperatorRow)
  else if (change.kind === 'token') directory.putToken(change.after as TokenRow)
  else if (change.kind === 'revoke_all') directory.revokeAll(change.epoch)
  else if (change.kind === 'tokens_revoked') {
    for (const row of change.after as readonly TokenRow[]) directory.putToken(row)
  }
}
