import type { Change } from '../storage/storage.ts'
import type { Directory } from './directory.ts'
import type { AgentRow, OperatorRow, TokenRow } from './store.ts'

/** What this room's changes hand to followers, by `kind`. */
interface IdentityChanges {
  readonly agent: AgentRow
  readonly operator: OperatorRow
  /** `ref` is the token's id; its row says whether it was issued or revoked. */
  readonly token: TokenRow
  /** Several tokens of one owner (`ref`) were revoked. */
  readonly tokens_revoked: readonly TokenRow[]
  /** Every agent's token issued up to the change's epoch is dead. */
  readonly revoke_all: undefined
}

/** Brings the read-model up to date with one commit. False for changes of other rooms, which are none of its business. */
export function followChange(directory: Directory, change: Change): boolean {
  if (change.kind === 'agent') directory.putAgent(change.after as IdentityChanges['agent'])
  else if (change.kind === 'operator') directory.putOperator(change.after as IdentityChanges['operator'])
  else if (change.kind === 'token') directory.putToken(change.after as IdentityChanges['token'])
  else if (change.kind === 'revoke_all') directory.revokeAll(change.epoch)
  else if (change.kind === 'tokens_revoked') {
    for (const row of change.after as IdentityChanges['tokens_revoked']) directory.putToken(row)
  } else return false
  return true
}
