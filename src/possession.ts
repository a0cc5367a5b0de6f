// Tokens that are bound are worth nothing without what they are bound to: who shows one also proves, with each call, that
// it holds the key (RFC 9449), and comes from where it may come from. One check for every way in.
import { createSecretKey, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from './ground/clock.ts'
import type { Client } from './http/client-address.ts'
import { headerOf } from './http/header-of.ts'
import { type AgentPrincipal, identityProblem, type Principal } from './identity/contract.ts'
import { Dpop, type DpopVerdict, dpopHeader } from './identity/oauth/dpop.ts'
import type { JktOf } from './identity/sessions/came.ts'
import { mayShow } from './identity/token-sources.ts'

export interface PossessionOptions {
  readonly clock: Clock
  readonly bootId: string
  readonly issuer: () => string
  readonly clientOf: (request: IncomingMessage) => Client
  /** Hears of tokens that came from where they may not. */
  readonly onElsewhere: (principal: AgentPrincipal, client: Client) => void
}

/** Where a request went. */
interface Addressed {
  readonly rawHeaders: readonly string[]
  readonly method: string
  /** The target as it was sent. */
  readonly path: string
  readonly secure: boolean
}

export class Possession {
  // Apart, so that whoever floods sign-ins with proofs of keys that nobody knows does not fill what calls have.
  readonly #ofCalls: Dpop
  readonly #ofSignIns: Dpop
  readonly #ofServices: Dpop
  readonly #options: PossessionOptions

  constructor(options: PossessionOptions) {
    const { clock, bootId } = options
    this.#options = options
    const secret = createSecretKey(randomBytes(32))
    this.#ofCalls = new Dpop({ clock, bootId, secret })
    this.#ofSignIns = new Dpop({ clock, bootId, secret })
    this.#ofServices = new Dpop({ clock, bootId, secret })
  }

  /**
   * The principal, once it is shown that the caller is where its token may be shown, and holds the key that it is bound to.
   * Throws Problems `token_elsewhere`, `possession_unproven`.
   */
  proven<P extends Principal>(principal: P, presented: string, request: IncomingMessage): P {
    if (principal.kind !== 'agent') return principal
    const { token } = principal
    const client = this.#options.clientOf(request)
    if (!mayShow(token, client)) {
      this.#options.onElsewhere(principal, client)
      throw identityProblem('token_elsewhere')
    }
    if (token.kind !== 'jwt' || token.jkt === undefined) return principal
    const { jkt } = token
    const { rawHeaders, method = '', url: path = '' } = request
    const { secure } = client
    this.#check(this.#ofCalls, { rawHeaders, method, path, secure }, presented, jkt)
    return principal
  }

  /** Thumbprint of the key that the request proves, if it proves one. Throws Problem `possession_unproven` for a bad proof. */
  readonly jktOf: JktOf = ({ method, path }, { rawHeaders, client: { secure } }) => {
    if (dpopHeader(rawHeaders) === undefined) return undefined
    return this.#check(this.#ofSignIns, { rawHeaders, method, path, secure })
  }

  /** Whether a proof that a service was shown holds for the token that came with it; uses the proof up. */
  holds(shown: { proof: string; method: string; url: string; accessToken: string; jkt: string }): boolean {
    const { origin, pathname } = new URL(shown.url)
    return this.#ofServices.check({ ...shown, url: { origins: [origin], path: pathname } }).ok
  }

  /** What a client is to put into its next proof. */
  nonce(): string {
    return this.#ofSignIns.nonce()
  }

  #check(dpop: Dpop, { rawHeaders, method, path, secure }: Addressed, accessToken?: string, jkt?: string): string {
    // As the caller addressed us: its Host was checked against the listener's names before.
    const asked = `${secure ? 'https' : 'http'}://${headerOf(rawHeaders, 'host') ?? ''}`
    const url = { origins: [this.#options.issuer(), asked], path }
    const verdict = dpop.check({ proof: dpopHeader(rawHeaders), method, url, accessToken, jkt })
    if (!verdict.ok) throw refusal(verdict)
    return verdict.jkt
  }
}

function refusal({ error, nonce }: Extract<DpopVerdict, { ok: false }>) {
  return identityProblem('possession_unproven', {
    detail: error,
    facts: { error, ...(nonce !== undefined && { dpopNonce: nonce }) },
  })
}
