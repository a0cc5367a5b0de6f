// The tokens of this door: ES256 JWTs of the identity room. The sign-in of each is named by its `jti`, so a revocation finds it.
import type { EventObject } from '../../audit/contract.ts'
import type { AgentPrincipal as GatePrincipal, GateResolution } from '../../gate/rooms.ts'
import { base62 } from '../../ground/base62.ts'
import type { SessionId } from '../../ground/ids.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import type { Identity } from '../../identity/identity.ts'
import type { AccessToken } from '../../identity/sessions/access-tokens.ts'
import type { CompiledAction, CompiledService } from './compiled-service.ts'
import type { Context } from './contract.ts'
import type { Ready } from './door-grants.ts'
import { refused } from './refusal.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** The sign-in that a token's id names; undefined for what is none. */
export function sessionIdOf(tokenId: string): SessionId | undefined {
  if (!UUID.test(tokenId)) return undefined
  return `ses_${base62(Buffer.from(tokenId.replaceAll('-', ''), 'hex'), 22)}` as SessionId
}

/** A token that was verified, with what it says; one object for its life. */
export class VaultToken {
  readonly access: AccessToken
  readonly tokenId: string
  readonly service: string
  readonly serviceId: string
  readonly scopes: ReadonlySet<string>
  readonly context: Context
  /** Who calls, as the gate asks it: narrowed to this token's scope. */
  readonly principal: GatePrincipal
  /** The service, as it is now, for which the gate has a grant for sure, and until when. */
  ready: (Ready & { readonly service: CompiledService }) | undefined
  readonly #via: string
  readonly #identity: Identity
  readonly #told = new Map<string, EventObject>()
  #open: { readonly service: CompiledService; readonly actions: ReadonlySet<string> } | undefined
  readonly #serviceOf: (name: string) => CompiledService | undefined

  constructor(access: AccessToken, identity: Identity, serviceOf: (name: string) => CompiledService | undefined) {
    const { jti, service, srv, via, scope, ctx } = access.claims as unknown as Claims
    this.access = access
    this.tokenId = jti
    this.service = service
    this.serviceId = srv
    this.scopes = new Set(scope)
    this.context = ctx
    this.#via = via
    this.#identity = identity
    this.#serviceOf = serviceOf
    const { agent } = access
    const covers = (_: string, call: GateResolution) => this.#covers(call)
    const status = () => this.status
    const token = {
      kind: 'jwt',
      id: access.id,
      expiresAt: access.expiresAt,
      covers,
      get status() {
        return status()
      },
    } as const
    this.principal = { kind: 'agent', agent, token }
  }

  /** Its own sign-in stands, and the token by which it was asked for. */
  get status(): 'active' | 'revoked' {
    const { access } = this
    if (access.status !== 'active') return 'revoked'
    return this.#identity.isLive(access.agent.id, this.#via) ? 'active' : 'revoked'
  }

  /** What the record of a call says beyond what the house knows: the same object for each call of an action. */
  told(action: string): EventObject {
    let told = this.#told.get(action)
    if (told === undefined) {
      const { tokenId, context, service } = this
      told = { event: 'proxy.call', service, action, tokenId, scope: [...this.scopes], context: { ...context } }
      this.#told.set(action, told)
    }
    return told
  }

  /** The gate found out what the call is: an action that this token's scope is enough for, or scopes that it has. */
  #covers({ action, required }: GateResolution): boolean {
    if (action === undefined) return required.length > 0 && required.every((scope) => this.scopes.has(scope))
    const service = this.#serviceOf(this.service)
    if (service === undefined) return false
    if (this.#open?.service !== service) this.#open = { service, actions: this.#openOn(service) }
    return this.#open.actions.has(action)
  }

  #openOn(service: CompiledService): ReadonlySet<string> {
    const fits = ({ name, requiredScope }: CompiledAction) =>
      service.allowedActions.has(name) && requiredScope.every((scope) => this.scopes.has(scope))
    return new Set([...service.actions.values()].filter(fits).map(({ native }) => native))
  }
}

interface Claims {
  readonly jti: string
  readonly service: string
  readonly srv: string
  readonly via: string
  readonly scope: readonly string[]
  readonly ctx: Context
}

export class VaultTokens {
  readonly #identity: Identity
  readonly #audience: string
  readonly #now: () => number
  readonly #serviceOf: (name: string) => CompiledService | undefined
  readonly #known = new WeakMap<AccessToken, VaultToken>()

  constructor(
    identity: Identity,
    audience: string,
    now: () => number,
    serviceOf: (name: string) => CompiledService | undefined,
  ) {
    this.#identity = identity
    this.#audience = audience
    this.#now = now
    this.#serviceOf = serviceOf
  }

  /**
   * The token that is presented, in the original's order: form, signature, end, audience. Its signature is verified once.
   * Whether it was revoked is asked separately. Throws the texts of §1.3.
   */
  read(presented: JsonValue | undefined): VaultToken {
    if (presented === undefined || presented === null || presented === '') throw refused('jwt must be provided')
    const found = typeof presented === 'string' ? this.#identity.accessTokens.look(presented) : 'malformed'
    if (found === 'expired') throw refused('jwt expired')
    if (found === 'revoked') throw refused('TOKEN_REVOKED')
    if (found === 'bad_signature') throw refused('invalid signature')
    if (typeof found === 'string') throw refused('jwt malformed')
    if (this.#now() >= found.expiresAt) throw refused('jwt expired')
    if (found.claims.aud !== this.#audience || !isClaims(found.claims)) {
      throw refused(`jwt audience invalid. expected: ${this.#audience}`)
    }
    let token = this.#known.get(found)
    if (token === undefined) {
      token = new VaultToken(found, this.#identity, this.#serviceOf)
      this.#known.set(found, token)
    }
    return token
  }
}

/** A relying service might be called like the audience: its tokens have none of this. */
function isClaims({ service, srv, via, scope, ctx }: Readonly<Record<string, unknown>>): boolean {
  const texts = [service, srv, via].every((text) => typeof text === 'string')
  return texts && Array.isArray(scope) && typeof ctx === 'object' && ctx !== null
}
