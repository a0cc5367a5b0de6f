import type { Audit } from '../audit/contract.ts'
import type { CallId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { type Decision, decide } from '../policy/decide.ts'
import type { Question } from '../policy/question.ts'
import { denial } from './denials.ts'
import type { AgentPrincipal } from './rooms.ts'

export interface TunnelAsked {
  readonly rid: CallId
  readonly principal: AgentPrincipal
  readonly origin: Origin
  /** Whether some service names the origin, and whether the agent was given something on one that does. */
  readonly named: boolean
  readonly given: boolean
}

export interface TunnelAdmission {
  readonly audit: Pick<Audit, 'deny' | 'redact'>
  readonly now: number
  readonly epoch: number
}

/**
 * Whether an agent may open a tunnel. It is no permit: nothing is sent before a request inside was admitted by itself. So
 * only what every request rests on is looked at: who asks, and whether they were given anything there. A host that no
 * service names is refused, and on record. Throws the denial's Problem.
 */
export function admitTunnel(
  { rid, principal, origin, named, given }: TunnelAsked,
  { audit, now, epoch }: TunnelAdmission,
): void {
  const { agent, token } = principal
  const decision = decide({ ...beyond, now, agent, token, serviceKnown: named, anyGrant: given })
  if (decision.check === AFTER) return
  const reason = reasonOf(decision)
  audit.deny({
    rid,
    actor: { kind: 'agent', id: agent.id, key: token.id },
    // The host is what the caller wrote, which may be a key in the wrong place.
    req: { service: '', method: 'CONNECT', origin: named ? origin.href : audit.redact(origin.href), path: '' },
    reason,
    policy: epoch,
  })
  throw denial(reason)
}

const reasonOf = ({ why = 'no_grant' }: Decision) => why

/** The first check that is about a request. */
const AFTER = 'targetIsOnService'

/** Nothing is known of a request yet, so that the policy stops there. */
const beyond: Omit<Question, 'now' | 'agent' | 'token' | 'serviceKnown' | 'anyGrant'> = Object.freeze({
  originOnService: false,
  protocolCarried: false,
  resolution: undefined,
  tokenCovers: false,
  grant: undefined,
  credential: 'missing',
  limits: Object.freeze({ rateAllows: false, agentInFlightAllows: false, totalInFlightAllows: false }),
  findings: Object.freeze([]),
  rules: undefined,
  approval: undefined,
})
