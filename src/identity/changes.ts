import type { Change } from '../storage/storage.ts'
import type { DoorSaltRow } from './doors/store.ts'
import type { InviteRow, KeyRow } from './keys/store.ts'
import type { Room } from './room.ts'
import type { SessionRow } from './sessions/store.ts'
import type { AgentRow, OperatorRow, TokenRow } from './store.ts'

/** What this room's changes hand to followers, by `kind`. */
interface IdentityChanges {
  readonly agent: AgentRow
  readonly operator: OperatorRow
  /** `ref` is the token's id; its row says whether it was issued or revoked. */
  readonly token: TokenRow
  /** The same token, found by another hash from now on: nothing that stands on it ends. */
  readonly token_rehashed: TokenRow
  /** Several tokens of one owner (`ref`) were revoked. */
  readonly tokens_revoked: readonly TokenRow[]
  /** Every agent's token issued up to the change's epoch is dead. */
  readonly revoke_all: undefined
  readonly agent_key: KeyRow
  readonly invite: InviteRow
  readonly session: SessionRow
  /** A salt came with tokens of another system. */
  readonly door_salt: DoorSaltRow
  /** Sessions that ended long ago were removed. */
  readonly sessions_removed: readonly SessionRow['id'][]
}

type Followed = Pick<Room, 'directory' | 'keys' | 'sessions' | 'salts'>

/** Brings the read-model up to date with one commit. False for changes of other rooms, which are none of its business. */
export function followChange({ directory, keys, sessions, salts }: Followed, change: Change): boolean {
  if (change.kind === 'agent') directory.putAgent(change.after as IdentityChanges['agent'], change.epoch)
  else if (change.kind === 'operator') directory.putOperator(change.after as IdentityChanges['operator'])
  else if (change.kind === 'token') directory.putToken(change.after as IdentityChanges['token'])
  else if (change.kind === 'token_rehashed') directory.putToken(change.after as IdentityChanges['token_rehashed'])
  else if (change.kind === 'agent_key') keys.putKey(change.after as IdentityChanges['agent_key'], change.epoch)
  else if (change.kind === 'invite') keys.putInvite(change.after as IdentityChanges['invite'])
  else if (change.kind === 'session') sessions.put(change.after as IdentityChanges['session'])
  else if (change.kind === 'door_salt') salts.put(change.after as IdentityChanges['door_salt'])
  else if (change.kind === 'revoke_all') {
    directory.revokeAll(change.epoch)
    sessions.revokeAll(change.epoch)
  } else if (change.kind === 'sessions_removed') {
    for (const id of change.after as IdentityChanges['sessions_removed']) sessions.remove(id)
  } else if (change.kind === 'tokens_revoked') {
    for (const row of change.after as IdentityChanges['tokens_revoked']) directory.putToken(row)
  } else return false
  return true
}
