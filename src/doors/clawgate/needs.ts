import type { Terms } from '../../approvals/action.ts'
import type { Approvals } from '../../approvals/approvals.ts'
import type { Clock } from '../../ground/clock.ts'
import type { EventStream } from '../../http/event-streams.ts'
import type { PlainAsked } from '../../http/plain-routes.ts'
import type { AgentEntry, AgentPrincipal, OperatorPrincipal } from '../../identity/contract.ts'
import type { TokenKeys } from '../../identity/room.ts'

/** What the door translates to. It has no rule of its own. */
export interface ClawGateNeeds {
  readonly approvals: Approvals
  readonly clock: Clock
  readonly signing: TokenKeys
  /** Id of this installation. */
  readonly install: string
  readonly issuer: () => string
  /** Whose answer is wanted for what this agent asks. */
  termsFor(agent: AgentEntry): Pick<Terms, 'assurance' | 'notBy'>
  /** Whose key a request shows. Throws Problem `unauthenticated`. */
  agentOf(asked: PlainAsked): AgentPrincipal
  /** Whether the agent still stands, and the key that it asked with. */
  stands(agent: string, token: string): boolean
  /** Epoch of the change that made a key. */
  epochOf(token: string): number
  /** Counts one, of an address or of the agent whose token is shown. Throws Problem `rate_limited`. */
  limitVerify(who: string): void
  /** The answer goes on until what was shown is over. Throws Problem `streams_crowded`. */
  stream(asked: PlainAsked, who: AgentPrincipal | OperatorPrincipal, stream: EventStream): void
  health(): object
}
