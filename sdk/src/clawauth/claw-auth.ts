// ClawAuth for services: who is this agent, what may it do here, how far is it to be trusted.
import { ClavigerError } from '../claviger-error.ts'
import { isObject, type JsonObject } from '../strict-json.ts'
import { type Asked, invalidAnswer, type Wire } from '../wire.ts'
import { bearing, type DoorOptions, doorTo } from './door.ts'

export interface ClawAuthOptions extends DoorOptions {
  readonly serviceId: string
  /** `svc_…` */
  readonly apiKey: string
}

export interface VerifiedAgent {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly trustScore: number
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
}

export interface Verification {
  readonly valid: boolean
  readonly agent?: VerifiedAgent
  /** `expired`, `revoked`, `wrong_audience`, `bad_signature`, `malformed`, `agent_inactive`. */
  readonly error?: string
}

export interface AgentDetails {
  readonly id: string
  readonly name: string
  readonly trustScore: number
  readonly status: string
  readonly lastSeenAt: string | null
  readonly [member: string]: unknown
}

export interface AssignedRole {
  readonly agentId: string
  readonly roleId: string
  readonly serviceId: string
  readonly expiresAt: string | null
}

export interface Trust {
  readonly agentId: string
  readonly trustScore: number
  readonly band: string
  readonly samples: number
  readonly confidence: number
  readonly updatedAt: string
}

export class ClawAuth {
  readonly serviceId: string
  readonly #apiKey: string
  readonly #wire: Wire

  constructor(options: ClawAuthOptions) {
    const { serviceId, apiKey } = options
    if (!serviceId || !apiKey) throw new ClavigerError('options_invalid', 'serviceId and apiKey are wanted')
    this.serviceId = serviceId
    this.#apiKey = apiKey
    this.#wire = doorTo(options)
  }

  /** Judges a token at the gateway. Never throws for a bad token: `valid` is false and `error` says why. */
  async verify(token: string): Promise<Verification> {
    const json = await this.#ask({ method: 'POST', path: '/auth/verify', body: { token } })
    const isShaped = json.valid === false || (json.valid === true && isObject(json.agent))
    if (!isShaped) throw invalidAnswer(200, 'valid is missing')
    return json as unknown as Verification
  }

  async getAgent(agentId: string): Promise<AgentDetails> {
    return (await this.#ask({ method: 'GET', path: agentPath(agentId) })) as unknown as AgentDetails
  }

  /** Gives a role of this service; `expiresAt` is a Date, an ISO time or milliseconds since 1970. */
  async assignRole(agentId: string, roleId: string, expiresAt?: Date | string | number): Promise<AssignedRole> {
    const end = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }
    const asked: Asked = { method: 'POST', path: `${agentPath(agentId)}/roles`, body: { roleId, ...end } }
    return (await this.#ask(asked)) as unknown as AssignedRole
  }

  async revokeRole(agentId: string, roleId: string): Promise<{ readonly ok: boolean }> {
    const path = `${agentPath(agentId)}/roles/${encodeURIComponent(roleId)}`
    return (await this.#ask({ method: 'DELETE', path })) as unknown as { ok: boolean }
  }

  /** `score` 0–10, `reason` up to 500 characters. */
  async reportTrust(
    agentId: string,
    report: { readonly score: number; readonly reason: string },
  ): Promise<{ readonly id: string; readonly counted: boolean; readonly trustScore: number }> {
    const { score, reason } = report
    const asked: Asked = { method: 'POST', path: `${agentPath(agentId)}/trust`, body: { score, reason } }
    return (await this.#ask(asked)) as unknown as { id: string; counted: boolean; trustScore: number }
  }

  /** The score with what it stands on. */
  async getTrust(agentId: string): Promise<Trust> {
    return (await this.#ask({ method: 'GET', path: `${agentPath(agentId)}/trust` })) as unknown as Trust
  }

  /** Ends one token of this service's audience by its `jti`. */
  async revokeToken(jti: string): Promise<{ readonly revoked: boolean }> {
    return (await this.#ask({ method: 'POST', path: '/auth/revoke', body: { jti } })) as unknown as { revoked: boolean }
  }

  async #ask(asked: Asked): Promise<JsonObject> {
    return (await this.#wire.ask(bearing(this.#apiKey, asked))).json
  }
}

/** The name that the published package had for the same class. */
export { ClawAuth as ClawAuthService }

function agentPath(agentId: string): string {
  return `/agents/${encodeURIComponent(agentId)}`
}
