// Calls with a token that somebody else got: an operator's `claviger token issue`, or an agent that narrowed its own.
import { ClavigerError } from '../claviger-error.ts'
import type { Now } from '../platform.ts'
import type { Signer } from '../signer.ts'
import { Wire, type WireOptions } from '../wire.ts'
import { Caller, type Held, type TokenGiver } from './call.ts'
import { DpopProver } from './dpop.ts'
import { GatewayClient } from './gateway-client.ts'

export interface TokenClientOptions extends WireOptions {
  /** The token, or what gives it: asked for every call, and once more when the gateway no longer takes it. */
  readonly token: string | (() => string | Promise<string>)
  /** The key that the token is bound to (RFC 9449). */
  readonly dpop?: Signer
  /** Milliseconds since 1970. */
  readonly now?: Now
}

export class TokenClient extends GatewayClient {
  constructor(options: TokenClientOptions) {
    const { token, dpop, now = Date.now } = options
    const wire = new Wire(options)
    const prover = dpop && new DpopProver(dpop, now)
    super(wire, new Caller(wire, new GivenToken(token, prover === undefined ? 'Bearer' : 'DPoP'), prover))
  }
}

class GivenToken implements TokenGiver {
  readonly #token: TokenClientOptions['token']
  readonly #tokenType: Held['tokenType']

  constructor(token: TokenClientOptions['token'], tokenType: Held['tokenType']) {
    this.#token = token
    this.#tokenType = tokenType
  }

  async get(): Promise<Held> {
    const accessToken = typeof this.#token === 'string' ? this.#token : await this.#token()
    if (/^[\x21-\x7e]+$/.test(accessToken)) return { accessToken, tokenType: this.#tokenType }
    throw new ClavigerError('options_invalid', 'This is no token')
  }

  async getInsteadOf(refused: Held): Promise<Held | undefined> {
    const other = await this.get()
    return other.accessToken === refused.accessToken ? undefined : other
  }
}
