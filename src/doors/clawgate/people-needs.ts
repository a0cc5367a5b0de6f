import type { Approvals } from '../../approvals/approvals.ts'
import type { Clock } from '../../ground/clock.ts'
import type { AgentEntry } from '../../identity/contract.ts'
import type { ApiKeys } from '../../identity/doors/api-keys.ts'
import type { Party } from '../../identity/people/party.ts'
import type { People } from '../../identity/people/people.ts'
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
  /** The agent of this name, added if there is none. */
  agentFor(name: string, by: Actor): Promise<AgentEntry>
  /** Counts one attempt. Throws Problem `rate_limited`. */
  limitPeople(address: string): void
  /** Throws Problem `unauthenticated`; the attempt is on record. */
  refuseUnknown(presented: string | undefined): never
}
