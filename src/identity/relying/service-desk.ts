import type { Actor } from '../../storage/storage.ts'
import { identityProblem } from '../contract.ts'
import type {
  AgentForService,
  AssignmentView,
  KnownAgent,
  LastSeen,
  Limit,
  RelyingPrincipal,
  TrustView,
  Verified,
  VerifyToken,
} from './contract.ts'
import type { RelyingRoom } from './relying-room.ts'
import { report } from './reports.ts'
import { assignRole, revokeRole, rolesOf } from './roles.ts'
import { trustView } from './trust-view.ts'

/** What others must do for it. */
export interface DeskNeeds {
  readonly verify: VerifyToken
  readonly limit: Limit
  readonly lastSeen: LastSeen
}

/**
 * What one relying service may ask and do, for every way in: all of it is about this service, so it cannot touch another's
 * roles or reports. Agents are named by id alone: names could be guessed, one after the other.
 */
export class ServiceDesk {
  readonly #room: RelyingRoom
  readonly #needs: DeskNeeds
  readonly #principal: RelyingPrincipal

  constructor(room: RelyingRoom, needs: DeskNeeds, principal: RelyingPrincipal) {
    this.#room = room
    this.#needs = needs
    this.#principal = principal
  }

  /**
   * Whether a token is an agent's, good, and meant for this service; and then whose, with what it may do here now.
   * Throws Problem `rate_limited`.
   */
  async verify(token: string): Promise<Verified> {
    this.#needs.limit('verify', this.#service.id)
    const checked = await this.#needs.verify(token, { audience: this.#service.id })
    if (!checked.ok) return { valid: false, error: checked.error }
    const { sub, scope, exp, cnf } = checked.claims
    const jkt = (cnf as { readonly jkt?: unknown } | undefined)?.jkt
    const agent = typeof sub === 'string' ? this.#find(sub) : undefined
    if (agent?.status !== 'active') return { valid: false, error: 'agent_inactive' }
    return {
      valid: true,
      agent: this.#told(agent),
      ...(typeof scope === 'string' && { scope }),
      ...(typeof exp === 'number' && { expiresAt: exp * 1_000 }),
      ...(typeof jkt === 'string' && { jkt }),
    }
  }

  /** Throws Problem `agent_unknown`. */
  async agent(id: string): Promise<AgentForService> {
    const agent = this.#require(id)
    const lastSeenAt = await this.#needs.lastSeen(agent.id)
    return { ...this.#told(agent), ...(lastSeenAt !== undefined && { lastSeenAt }) }
  }

  /** Throws what assignRole() of roles.ts throws. */
  async assignRole(
    agent: string,
    role: string,
    expiresAt?: number,
  ): Promise<{ readonly assignment: AssignmentView; readonly created: boolean }> {
    const { id } = this.#require(agent)
    return assignRole(this.#room, { service: this.#service.id, agent: id, role, expiresAt }, this.#actor)
  }

  /** Throws what revokeRole() of roles.ts throws. */
  async revokeRole(agent: string, role: string): Promise<void> {
    const { id } = this.#require(agent)
    await revokeRole(this.#room, { service: this.#service.id, agent: id, role }, this.#actor)
  }

  /** Score 0 to 10 and a reason. Throws what report() of reports.ts throws, and Problem `rate_limited`. */
  async reportTrust(
    agent: string,
    said: { readonly score: number; readonly reason: string },
  ): Promise<{ readonly id: string; readonly counted: boolean; readonly trust: TrustView }> {
    this.#needs.limit('trust', this.#service.id)
    const known = this.#require(agent)
    const asked = { service: this.#service.id, agent: known.id, score: said.score, reason: said.reason }
    const { id, counted } = await report(this.#room, asked, this.#actor)
    return { id, counted, trust: trustView(this.#room, known) }
  }

  /** Throws Problem `agent_unknown`. */
  trust(agent: string): TrustView {
    return trustView(this.#room, this.#require(agent))
  }

  get #service() {
    return this.#principal.service
  }

  get #actor(): Actor {
    return { kind: 'service', id: this.#service.id, key: this.#principal.token.id }
  }

  #find(id: string): KnownAgent | undefined {
    const agent = this.#room.agentOf(id)
    return agent?.id === id ? agent : undefined
  }

  #require(id: string): KnownAgent {
    const agent = this.#find(id)
    if (agent === undefined) throw identityProblem('agent_unknown')
    return agent
  }

  #told(agent: KnownAgent): AgentForService {
    const { id, name, status, createdAt } = agent
    const now = this.#room.clock.now()
    const isOwn = agent.owner !== undefined && agent.owner === this.#service.owner
    return {
      id,
      name,
      email: isOwn ? (agent.email ?? '') : '',
      status,
      trustScore: this.#room.ledger.trustOf(id, now).score,
      ...rolesOf(this.#room, id, this.#service.id, now),
      createdAt,
    }
  }
}
