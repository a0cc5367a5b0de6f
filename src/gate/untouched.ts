// Tunnels to hosts of no service, passed through untouched where a rule says so. No call is seen in them and no credential goes
// with them; the way to a permit is the gate's all the same: decided on, on record, minted, once.

import type { AskingRule } from '../approvals/action.ts'
import type { Audit } from '../audit/contract.ts'
import type { AddressSet } from '../ground/addresses.ts'
import type { Clock } from '../ground/clock.ts'
import type { AgentId, CallId, GrantId, ServiceId, TokenId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { canonicalTarget } from '../ground/target.ts'
import type { Mint } from '../policy/mint.ts'
import type { Permit } from '../policy/permit.ts'
import { denial, denialProblem } from './denials.ts'
import type { AgentPrincipal } from './rooms.ts'

export interface UntouchedNeeds {
  readonly rules: {
    tunnel(asked: { readonly now: number; readonly agent: AgentId; readonly origin: Origin }): {
      readonly effect: 'none' | 'allow' | 'deny'
      readonly rules: readonly AskingRule[]
      readonly addresses: AddressSet | undefined
    }
  }
  /** Whether some service names the host, on whatever port: then nobody has a tunnel there that is not looked into. */
  readonly namesHost: (host: string) => boolean
  readonly isLive: (agent: AgentId, token: TokenId) => boolean
  readonly audit: Pick<Audit, 'intent' | 'outcome' | 'deny'>
  readonly clock: Pick<Clock, 'now'>
  readonly mint: Mint['mint']
  readonly epoch: () => number
}

export interface UntouchedTunnel {
  readonly rid: CallId
  readonly principal: AgentPrincipal
  readonly origin: Origin
}

export interface UntouchedAdmission {
  readonly permit: Permit
  /** What it may lead to beside public addresses. */
  readonly addresses: AddressSet | undefined
}

const told = Object.freeze({ untouched: true })
const root = canonicalTarget('/')

export class Untouched {
  readonly #needs: UntouchedNeeds

  constructor(needs: UntouchedNeeds) {
    this.#needs = needs
  }

  /** Whether a rule is about such a tunnel, and what it says. `none` for a token that is good for less than its agent may. */
  verdict({ agent, token }: AgentPrincipal, origin: Origin) {
    const { rules, namesHost, clock } = this.#needs
    const narrowed = token.covers !== undefined || token.labelScope !== undefined || token.use !== undefined
    if (narrowed || namesHost(origin.host)) return nothingSaid
    return rules.tunnel({ now: clock.now(), agent: agent.id, origin })
  }

  /** Whether one that is open may go on. */
  holds(principal: AgentPrincipal, origin: Origin): boolean {
    const { agent, token } = principal
    return this.#needs.isLive(agent.id, token.id) && this.verdict(principal, origin).effect === 'allow'
  }

  /** Rejects with the denial's Problem, or with the log's: then nothing was sent. */
  async admit(asked: UntouchedTunnel): Promise<UntouchedAdmission> {
    const { rid, principal, origin } = asked
    const { effect, rules, addresses } = this.verdict(principal, origin)
    const [rule] = rules
    if (effect !== 'allow' || rule === undefined) throw this.refused(asked)
    const { audit, epoch, mint } = this.#needs
    const intentSeq = await audit.intent({
      rid,
      actor: { kind: 'agent', id: principal.agent.id, key: principal.token.id },
      req: { service: '', method: 'CONNECT', origin: origin.href, path: '' },
      decision: { effect: 'allow', rule: rule.id, policy: epoch() },
      ev: told,
    })
    if (!this.holds(principal, origin)) {
      audit.outcome({ rid, outcome: { status: 0, bytesIn: 0, bytesOut: 0, ms: 0, error: 'not_sent' } })
      throw denialProblem('revoked_meanwhile')
    }
    const { agent, token } = principal
    const call = { rid, agent: agent.id, token: token.id, origin, method: 'CONNECT', target: root, action: undefined }
    const permit = mint({
      call: { ...call, service: '' as ServiceId, serviceName: '' },
      grant: rule.id as GrantId,
      credential: undefined,
      origins: [origin.href],
      intentSeq,
    })
    return { permit, addresses }
  }

  /** On record; to be thrown. A rule named the host, so it is no secret in the wrong place. */
  refused({ rid, principal: { agent, token }, origin }: UntouchedTunnel) {
    const { audit, epoch } = this.#needs
    const actor = { kind: 'agent', id: agent.id, key: token.id } as const
    const req = { service: '', method: 'CONNECT', origin: origin.href, path: '' }
    audit.deny({ rid, actor, req, reason: 'rule_denies', policy: epoch(), ev: told })
    return denial('rule_denies')
  }
}

const nothingSaid = Object.freeze({ effect: 'none', rules: [], addresses: undefined } as const)
