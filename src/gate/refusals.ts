import type { Audit } from '../audit/contract.ts'
import { looksLikeCredential } from '../ground/looks-like-credential.ts'
import type { Problem, ProblemFacts } from '../ground/problem.ts'
import type { Decision } from '../policy/decide.ts'
import { denial } from './denials.ts'
import type { Gathered } from './gather-facts.ts'
import type { CallRequest, GateRooms } from './rooms.ts'
import { rulesOf, scopesOf, shownRules } from './why-denied.ts'

export interface RefusalOptions {
  readonly rooms: GateRooms
  readonly audit: Audit
  readonly epoch: () => number
}

/** What is recorded and answered of calls that are not admitted. */
export class Refusals {
  readonly #options: RefusalOptions

  constructor(options: RefusalOptions) {
    this.#options = options
  }

  /** Recorded; to be thrown. */
  refused(call: CallRequest, decision: Decision, gathered: Gathered): Problem {
    const reason = decision.why ?? 'no_grant'
    this.record(call, reason, gathered.origin?.href, reason === 'rule_denies' ? gathered.rules : undefined)
    const facts: Record<string, string | number> = {}
    if (reason === 'rule_denies') facts.rule = rulesOf(gathered)
    if (reason === 'scope_not_granted') facts.requiredScopes = scopesOf(gathered).join(' ')
    if (reason === 'rate_limited') facts.retryAfterSeconds = this.#rateWaitSeconds(gathered)
    if (reason === 'total_in_flight_limit' || reason === 'agent_in_flight_limit') facts.retryAfterSeconds = 1
    return denial(reason, facts satisfies ProblemFacts)
  }

  /** Whole seconds until the grant's rate allows a call; a day where it never does. */
  #rateWaitSeconds({ grant }: Gathered): number {
    const waitMs = grant === undefined ? 0 : this.#options.rooms.grants.rateWaitMs(grant)
    return Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1_000)) : 86_400
  }

  /** The name of a service that is not there is whatever the caller wrote, which may be a key in the wrong place. */
  #shownName(name: string): string {
    const { rooms, audit } = this.#options
    const plain = rooms.services.byName(name) !== undefined || (PLAIN_NAME.test(name) && !looksLikeCredential(name))
    return plain ? name : audit.redact(name)
  }

  record(call: CallRequest, reason: string, origin = '', rules?: Gathered['rules']): void {
    const { audit, epoch } = this.#options
    const { path } = audit.redactTarget(call.target, nothingPlain)
    audit.deny({
      rid: call.rid,
      actor: { kind: 'agent', id: call.principal.agent.id, key: call.principal.token.id },
      req: { service: this.#shownName(call.serviceName), method: call.method, origin, path },
      reason,
      policy: epoch(),
      ev: rules === undefined ? call.toldOfDenial?.() : { ...call.toldOfDenial?.(), rules: shownRules(rules) },
    })
  }
}

const nothingPlain: ReadonlySet<string> = new Set()
const PLAIN_NAME = /^[A-Za-z0-9._-]{1,64}$/
