import type { Approvals } from '../../approvals/approvals.ts'
import type { NewDevice } from '../../approvals/channels/push/contract.ts'
import type { Clock } from '../../ground/clock.ts'
import type { OperatorId } from '../../ground/ids.ts'
import type { AgentEntry, OperatorEntry } from '../../identity/contract.ts'
import type { ApiKeys } from '../../identity/doors/api-keys.ts'
import type { Party } from '../../identity/people/party.ts'
import type { People } from '../../identity/people/people.ts'
import type { MemberRequestRow } from '../../identity/people/store.ts'
import type { TokenKeys } from '../../identity/room.ts'
import type { Actor } from '../../storage/storage.ts'

/** What the routes for people translate to. */
export interface PeopleNeeds {
  readonly approvals: Approvals
  readonly people: People
  readonly keys: ApiKeys
  readonly clock: Clock
  readonly signing: TokenKeys
  readonly issuer: () => string
  /** Pages besides the operators' own where passkeys may be used. */
  readonly parties: readonly Party[]
  /** Browsers that are told of what waits. */
  readonly push: {
    /** What they subscribe with, if there is one. */
    known(): string | undefined
    /** The same, made if there is none. */
    key(by: Actor): Promise<string>
    add(device: NewDevice, person: OperatorId, by: Actor): Promise<{ readonly id: string }>
    /** A person's own at this address, if there is one. */
    remove(endpoint: string, person: OperatorId, by: Actor): Promise<void>
  }
  /** Who may register: nobody, whom an operator invited, anybody. */
  readonly registration: 'closed' | 'invited' | 'open'
  /** Somebody registered without an invite: the code goes to the address, if there is a way. Must not throw. */
  codeMade(request: MemberRequestRow): void
  /** The agent of this name, added if there is none; a member's own alone. Throws Problem `agent_name_taken` and what adding throws. */
  agentFor(name: string, person: OperatorEntry, by: Actor): Promise<AgentEntry>
  /** Counts one attempt of an address. Throws Problem `rate_limited`. */
  limitPeople(address: string): void
  limitRegister(address: string): void
  /** The same of whoever it is about. */
  limitAccount(what: string, account: string): void
  /** Throws Problem `unauthenticated`; the attempt is on record. */
  refuseUnknown(presented: string | undefined): never
}
