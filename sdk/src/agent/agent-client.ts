// An agent at its gateway: registered once, then itself by signature, with tokens that come and go on their own.
import type { Now } from '../platform.ts'
import { readPublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { type Answered, invalidAnswer, stringIn, Wire, type WireOptions } from '../wire.ts'
import { Caller, credentials, is401 } from './call.ts'
import { DpopProver } from './dpop.ts'
import { GatewayClient } from './gateway-client.ts'
import { findIssuer } from './issuer.ts'
import { type NarrowedToken, type NarrowOptions, narrow } from './narrow.ts'
import { registrationProof } from './proofs.ts'
import { TokenSource, type Tokens } from './tokens.ts'

export interface AgentClientOptions extends WireOptions {
  readonly agentId: string
  readonly signer: Signer
  /** Whom the tokens are for; the gateway itself if left out. */
  readonly audience?: string
  readonly scope?: string
  /** Binds tokens to a key (RFC 9449): a fresh one that never leaves this process, or that of a signer. */
  readonly dpop?: boolean | Signer
  /** The gateway's issuer, where it is not the origin of `baseUrl`. Proofs are signed for no other. */
  readonly issuer?: string
  /** Milliseconds since 1970. */
  readonly now?: Now
}

export interface RegisterOptions extends WireOptions {
  readonly name: string
  readonly signer: Signer
  /** `clv_iv_…`; without one the agent waits for an operator, where that is allowed at all. */
  readonly invite?: string
  /** What hardware says of the key: stored and shown, not interpreted. */
  readonly attestation?: object
  readonly issuer?: string
  readonly now?: Now
}

export interface Registered {
  readonly agentId: string
  readonly keyId: string
  /** RFC 7638 thumbprint of the key. */
  readonly thumbprint: string
  /** A `pending` agent can do nothing before an operator approves it. */
  readonly status: string
}

/** What the gateway says of the agent that asks. */
export interface AgentSelf {
  readonly agentId: string
  readonly name: string
  readonly status: string
  readonly expiresAt: number
  readonly [member: string]: unknown
}

/** A key as the gateway shows it. */
export interface AgentKey {
  readonly id: string
  /** `active`, `retiring` or `revoked`. */
  readonly status: string
  readonly thumbprint: string
  readonly [member: string]: unknown
}

export class AgentClient extends GatewayClient {
  readonly agentId: string
  readonly #options: AgentClientOptions
  readonly #wire: Wire
  readonly #dpop: DpopProver | undefined
  readonly #source: TokenSource
  readonly #caller: Caller
  #signer: Signer

  constructor(options: AgentClientOptions) {
    const { agentId, signer, dpop: binding = false, issuer, audience, scope } = options
    const now = options.now ?? Date.now
    const wire = new Wire(options)
    const dpop = binding === false ? undefined : new DpopProver(binding === true ? undefined : binding, now)
    const source = new TokenSource({ wire, agentId, signer, issuer, audience, scope, dpop, now })
    const caller = new Caller(wire, source, dpop)
    super(wire, caller)
    this.agentId = agentId
    this.#options = options
    this.#signer = signer
    this.#wire = wire
    this.#dpop = dpop
    this.#source = source
    this.#caller = caller
  }

  /** Registers a key, with proof that `signer` holds it. Throws the gateway's refusal. */
  static async register(options: RegisterOptions): Promise<Registered> {
    const { name, signer, invite, attestation, now = Date.now } = options
    const wire = new Wire(options)
    const issuer = await findIssuer(wire, options.issuer)
    const body = {
      name,
      ...(await registrationProof(signer, { issuer, nowSeconds: Math.floor(now() / 1000) })),
      ...(invite !== undefined && { invite }),
      ...(attestation !== undefined && { attestation }),
    }
    const answer = await wire.ask({ method: 'POST', path: '/claviger/v1/agents/register', body })
    const [agentId, keyId] = [stringIn(answer, 'agentId'), stringIn(answer, 'keyId')]
    return { agentId, keyId, thumbprint: stringIn(answer, 'thumbprint'), status: stringIn(answer, 'status') }
  }

  /** Proves itself now. Otherwise that happens with the first call. */
  async authenticate(): Promise<Tokens> {
    return this.#source.authenticate()
  }

  /** An access token that is good for a while yet. */
  async accessToken(): Promise<string> {
    return (await this.#source.get()).accessToken
  }

  /** The headers for a request to a service that takes this agent's tokens directly. Send them nowhere else. */
  async headersFor(method: string, url: string): Promise<Record<string, string>> {
    const { headers } = await credentials(await this.#source.get(), method.toUpperCase(), url, this.#dpop)
    return headers
  }

  /**
   * A token that may do less than this agent: `narrow(['github:issue:read'], { maxUses: 3 })`, to hand to a tool or a sub-task. It
   * ends with this agent's own token, and with its sign-in.
   */
  async narrow(scope: readonly string[], options: NarrowOptions = {}): Promise<NarrowedToken> {
    const now = this.#options.now ?? Date.now
    return narrow({ wire: this.#wire, source: this.#source, dpop: this.#dpop, now }, scope, options)
  }

  async self(): Promise<AgentSelf> {
    const { json, status } = await this.#ask('GET', '/claviger/v1/auth/self')
    if (json.agentId !== this.agentId) throw invalidAnswer(status, 'it speaks of another agent')
    return json as unknown as AgentSelf
  }

  /** The keys by which this agent signs in, or did. */
  async keys(): Promise<readonly AgentKey[]> {
    const { json, status } = await this.#ask('GET', '/claviger/v1/agents/self/keys')
    if (!Array.isArray(json.items)) throw invalidAnswer(status, 'items is missing')
    return json.items as AgentKey[]
  }

  /** Registers a further key of this agent. The others stay as they are, or retire after a time: all of them. */
  async addKey(
    signer: Signer,
    more: { readonly attestation?: object; readonly retireOthersAfterSeconds?: number } = {},
  ): Promise<AgentKey> {
    const issuer = await findIssuer(this.#wire, this.#options.issuer)
    const nowSeconds = Math.floor((this.#options.now ?? Date.now)() / 1000)
    const proof = await registrationProof(signer, { issuer, nowSeconds, agentId: this.agentId })
    const answer = await this.#ask('POST', '/claviger/v1/agents/self/keys', { ...proof, ...more })
    stringIn(answer, 'id')
    return answer.json as unknown as AgentKey
  }

  async removeKey(keyId: string): Promise<void> {
    await this.#ask('DELETE', `/claviger/v1/agents/self/keys/${encodeURIComponent(keyId)}`)
  }

  /**
   * Puts a new key in the place of the present one: registered by the old, tried, and only then is the old one removed,
   * with what was signed in by it. With `overlapSeconds` it retires after that time instead, and so do any others.
   */
  async rotateKey(
    signer: Signer,
    { overlapSeconds = 0 }: { readonly overlapSeconds?: number } = {},
  ): Promise<AgentKey> {
    const { thumbprint } = await readPublicKey(this.#signer.publicKey)
    const old = (await this.keys()).find((key) => key.thumbprint === thumbprint)
    const added = await this.addKey(signer, overlapSeconds > 0 ? { retireOthersAfterSeconds: overlapSeconds } : {})
    await this.#source.signWith(signer)
    this.#signer = signer
    if (overlapSeconds === 0 && old !== undefined) await this.removeKey(old.id)
    return added
  }

  /** Ends this agent's tokens, here and at the gateway. */
  async logout(): Promise<void> {
    await this.#source.revoke()
  }

  async #ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answered> {
    const viaCaller = new Wire({
      baseUrl: this.#wire.baseUrl,
      fetch: (url, init) => this.#caller.send(url, init, is401),
    })
    return viaCaller.ask({ method, path, ...(body !== undefined && { body }) })
  }
}
