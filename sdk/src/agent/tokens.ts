// An agent's tokens: got by proof, kept fresh, never asked for twice at a time.
import { ClavigerError } from '../claviger-error.ts'
import type { Now } from '../platform.ts'
import type { Signer } from '../signer.ts'
import { type Answered, type Asked, refusal, stringIn, type Wire } from '../wire.ts'
import type { Held } from './call.ts'
import { type DpopProver, wantsNonce } from './dpop.ts'
import { checkIssuer } from './issuer.ts'
import { authenticationProof, clientAssertion } from './proofs.ts'

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly tokenType: 'Bearer' | 'DPoP'
  /** Milliseconds since 1970, by this machine's clock. */
  readonly expiresAt: number
  /** Until then it is used for new calls. */
  readonly freshUntil: number
  /** The agent's key is soon too old to sign in: from then on, milliseconds since 1970. */
  readonly keyRefusedAt?: number
}

export interface TokenSourceOptions {
  readonly wire: Wire
  readonly agentId: string
  readonly signer: Signer
  readonly issuer: string | undefined
  readonly audience: string | undefined
  readonly scope: string | undefined
  readonly dpop: DpopProver | undefined
  readonly now: Now
}

/** A token this close to its end is not used for a new call; one that lives shorter, for half its life. */
const MARGIN_MS = 20_000

export class TokenSource {
  readonly #options: TokenSourceOptions
  #signer: Signer
  #current: Tokens | undefined
  #flight: Promise<Tokens> | undefined
  /** What the last challenge named, and how far the gateway's clock was ahead in its last answer. */
  #issuer: string | undefined
  #skewSeconds = 0

  constructor(options: TokenSourceOptions) {
    this.#options = options
    this.#signer = options.signer
  }

  /** Tokens that are good for a while yet: those at hand, refreshed ones, or new ones by proof. */
  async get(): Promise<Tokens> {
    const current = this.#current
    return current !== undefined && this.#options.now() < current.freshUntil ? current : this.#renew()
  }

  /** After a refusal of `refused`: other tokens, unless somebody else has renewed them meanwhile. */
  async getInsteadOf(refused: Held): Promise<Tokens> {
    return this.#current === refused ? this.#renew() : this.get()
  }

  /** New tokens by proof. */
  async authenticate(): Promise<Tokens> {
    await this.#flight?.catch(() => undefined)
    return this.#fly(this.#prove())
  }

  /** Proves itself with another key, now and from now on if it is taken. */
  async signWith(signer: Signer): Promise<Tokens> {
    const before = this.#signer
    this.#signer = signer
    try {
      return await this.authenticate()
    } catch (error) {
      this.#signer = before
      throw error
    }
  }

  /** Who asks, for the token endpoint. Proves itself first where that has not happened yet. */
  async clientAssertion(): Promise<Readonly<Record<string, string>>> {
    if (this.#issuer === undefined) await this.authenticate()
    const { agentId, now } = this.#options
    const nowSeconds = Math.floor(now() / 1000) + this.#skewSeconds
    const assertion = await clientAssertion(this.#signer, { issuer: this.#issuer ?? '', nowSeconds, agentId })
    return {
      client_id: agentId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }
  }

  /** Ends the tokens at hand, here and at the gateway. */
  async revoke(): Promise<void> {
    await this.#flight?.catch(() => undefined)
    const { accessToken, refreshToken } = this.#current ?? {}
    this.#current = undefined
    for (const token of [refreshToken, accessToken]) {
      if (token !== undefined) await this.#ask({ method: 'POST', path: '/claviger/v1/auth/revoke', body: { token } })
    }
  }

  #renew(): Promise<Tokens> {
    return this.#flight ?? this.#fly(this.#refresh())
  }

  #fly(work: Promise<Tokens>): Promise<Tokens> {
    const flight = work
      .then((tokens) => {
        this.#current = tokens
        return tokens
      })
      .finally(() => {
        if (this.#flight === flight) this.#flight = undefined
      })
    this.#flight = flight
    return flight
  }

  /** A refresh token is good once: an answer that was lost ends its family, and the key proves us again. */
  async #refresh(): Promise<Tokens> {
    const refreshToken = this.#current?.refreshToken
    if (refreshToken === undefined) return this.#prove()
    const answer = await this.#send({ method: 'POST', path: '/claviger/v1/auth/refresh', body: { refreshToken } })
    if (answer.status >= 200 && answer.status < 300) return this.#read(answer)
    if (answer.status === 400 || answer.status === 401) return this.#prove()
    throw refusal(answer)
  }

  async #prove(): Promise<Tokens> {
    const { wire, agentId, audience, issuer: expected, scope, now } = this.#options
    const asked = { agentId, ...(audience !== undefined && { audience }) }
    const challenge = await wire.ask({ method: 'POST', path: '/claviger/v1/auth/challenge', body: asked })
    const issuer = checkIssuer(challenge.json.issuer, wire.baseUrl, expected)
    const given = challenge.json.audience
    if (audience !== undefined && given !== audience) {
      throw new ClavigerError('audience_mismatch', 'The gateway’s challenge is for another audience')
    }
    const nonce = stringIn(challenge, 'nonce')
    const nowSeconds = timeOf(challenge, now)
    this.#issuer = issuer
    const proof = await authenticationProof(this.#signer, { issuer, nowSeconds, agentId, nonce })
    const body = { challengeId: stringIn(challenge, 'challengeId'), proof, ...(scope !== undefined && { scope }) }
    return this.#read(await this.#ask({ method: 'POST', path: '/claviger/v1/auth/token', body }))
  }

  #read(answer: Answered): Tokens {
    const { refreshToken, tokenType, expiresIn, keyRefusedAt } = answer.json
    const bound = this.#options.dpop !== undefined
    if (tokenType !== (bound ? 'DPoP' : 'Bearer')) {
      throw new ClavigerError('token_type_unexpected', 'The gateway gave another kind of token than was asked for')
    }
    const lifeMs = (typeof expiresIn === 'number' ? expiresIn : 0) * 1000
    const now = this.#options.now()
    this.#skewSeconds = timeOf(answer, this.#options.now) - Math.floor(now / 1000)
    return {
      accessToken: stringIn(answer, 'accessToken'),
      refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
      tokenType: bound ? 'DPoP' : 'Bearer',
      expiresAt: now + lifeMs,
      freshUntil: now + Math.max(lifeMs - MARGIN_MS, lifeMs / 2),
      ...(typeof keyRefusedAt === 'number' && { keyRefusedAt }),
    }
  }

  async #ask(asked: Asked): Promise<Answered> {
    const answer = await this.#send(asked)
    if (answer.status >= 200 && answer.status < 300) return answer
    throw refusal(answer)
  }

  /** With a DPoP proof where tokens are bound; once more when the gateway wants its nonce in it. */
  async #send(asked: Asked, again = true): Promise<Answered> {
    const { wire, dpop } = this.#options
    if (dpop === undefined) return wire.send(asked)
    const url = `${wire.baseUrl}${asked.path}`
    const { proof, nonce } = await dpop.prove(asked.method, url)
    const answer = await wire.send({ ...asked, headers: { dpop: proof } })
    const isOther = dpop.learn(url, answer.headers, nonce)
    const retry = again && isOther && wantsNonce(answer.status, answer.headers, answer.json)
    return retry ? this.#send(asked, false) : answer
  }
}

/** The gateway's time, where it says it: a proof dated by a clock that is wrong would be refused. */
function timeOf({ headers }: Answered, now: Now): number {
  const said = Date.parse(headers.get('date') ?? '')
  return Math.floor((Number.isNaN(said) ? now() : said) / 1000)
}
