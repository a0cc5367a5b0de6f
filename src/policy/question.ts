import type { Assurance } from './assurance.ts'

/**
 * What the gate asks the policy: facts only, all gathered beforehand, so that deciding needs no clock, no I/O and no luck.
 * A fact that could not be gathered is `undefined`, and undefined never passes a check.
 */
export interface Question {
  /** Wall clock at the time of asking, milliseconds since 1970. */
  readonly now: number
  readonly agent: AgentFacts | undefined
  readonly token: TokenFacts | undefined
  /** True when the service exists, its row is authentic and it is not removed. */
  readonly serviceKnown: boolean
  /** True when the origin that will be dialled is one of the service's. */
  readonly originOnService: boolean
  /** True when the call is of a protocol that is carried: HTTP, or an upgrade to WebSockets. */
  readonly protocolCarried: boolean
  /** What this method and path is on the service; undefined when no allowed path covers it. */
  readonly resolution: ResolutionFacts | undefined
  /** True when the agent holds any grant on the service: tells `no grant` from `grant too narrow`. */
  readonly anyGrant: boolean
  /** Whether the token's own scope, where it has one, leaves the action in. It never widens what was granted. */
  readonly tokenCovers: boolean
  /** The grant that covers the action, if one does. */
  readonly grant: GrantFacts | undefined
  readonly credential: CredentialFacts
  readonly limits: LimitFacts
  /** What the guard noticed. None of its findings blocks by itself. */
  readonly findings: readonly FindingFacts[]
  /** What the operator's rules say of it. */
  readonly rules: RulesFacts | undefined
  /** A human's answer for exactly this call, if there is one. */
  readonly approval: ApprovalFacts | undefined
}

export interface AgentFacts {
  readonly status: 'pending' | 'active' | 'suspended' | 'revoked'
}

export interface TokenFacts {
  readonly status: 'active' | 'revoked'
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export interface ResolutionFacts {
  readonly action: string | undefined
  readonly risk: 'low' | 'medium' | 'high'
  /** How sure a human's yes must be, where the service wants one for this action. */
  readonly ask?: Assurance | undefined
  /** Names of the actions that claim the call, where no one of them alone does. */
  readonly among?: readonly string[]
}

export interface GrantFacts {
  readonly id: string
  readonly status: 'active' | 'revoked'
  readonly expiresAt?: number | undefined
  /** How many calls the grant is good for; undefined means no bound. */
  readonly uses?: number | undefined
  readonly used: number
}

/** `none`: the service needs no credential. `missing`: it needs one and there is none that fits. */
export type CredentialFacts = 'none' | 'usable' | 'missing' | 'expired' | 'needs_reauth' | 'integrity_failed'

export interface LimitFacts {
  readonly rateAllows: boolean
  readonly agentInFlightAllows: boolean
  readonly totalInFlightAllows: boolean
}

export interface FindingFacts {
  readonly id: string
  readonly effect: 'note' | 'ask' | 'deny'
}

/** `needs_body`: that depends on the body, which nobody read yet. */
export interface RulesFacts {
  readonly effect: 'none' | 'allow' | 'ask' | 'deny' | 'needs_body'
}

export interface ApprovalFacts {
  readonly verdict: 'approved' | 'denied'
}
