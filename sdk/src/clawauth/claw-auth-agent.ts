// ClawAuth for agents: a key pair instead of a password.
import { checkIssuer } from '../agent/issuer.ts'
import { toHex, utf8 } from '../bytes.ts'
import { ClavigerError } from '../claviger-error.ts'
import { generatePemKeyPair, type PemKeyPair } from '../keys.ts'
import type { Now } from '../platform.ts'
import { readPublicKey } from '../public-key.ts'
import { isRawSignature, toDer } from '../signature.ts'
import { pemSigner, type Signer, signerFailed } from '../signer.ts'
import { type Answered, invalidAnswer, stringIn, type Wire } from '../wire.ts'
import { bearing, type DoorOptions, doorTo } from './door.ts'

/** The private key in PKCS#8 PEM, or a signer that keeps it elsewhere. */
export type KeyOption = { readonly privateKey: string } | { readonly signer: Signer }

export type ClawAuthAgentOptions = DoorOptions &
  KeyOption & {
    readonly agentId: string
    /** The service that the tokens are for. */
    readonly audience?: string
    /** The gateway's issuer, where it is not the origin of `baseUrl`: a bound proof is signed for no other. */
    readonly issuer?: string
    /** Never sign a bare nonce, whatever the server offers. */
    readonly requireBound?: boolean
    readonly now?: Now
  }

export type ClawAuthRegistration = DoorOptions & {
  readonly email: string
  readonly name: string
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string
  /** With one of these the gateway gets proof that the key is held: without it the agent waits for an operator. */
  readonly privateKey?: string
  readonly signer?: Signer
  /** `clv_iv_…`, from an operator. */
  readonly invite?: string
  readonly attestation?: object
}

export interface ClawAuthTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresIn: number
}

/** A token this close to its end is renewed before it is used. */
const MARGIN_MS = 60_000

export class ClawAuthAgent {
  readonly agentId: string
  readonly #options: ClawAuthAgentOptions
  readonly #wire: Wire
  readonly #now: Now
  #signer: Promise<Signer> | undefined
  #tokens: (ClawAuthTokens & { readonly freshUntil: number }) | undefined
  #flight: Promise<ClawAuthTokens> | undefined
  #bound: boolean

  constructor(options: ClawAuthAgentOptions) {
    this.agentId = options.agentId
    this.#options = options
    this.#wire = doorTo(options)
    this.#now = options.now ?? Date.now
    this.#bound = options.requireBound === true
  }

  static async generateKeypair(): Promise<PemKeyPair> {
    return generatePemKeyPair()
  }

  static async register(
    options: ClawAuthRegistration,
  ): Promise<{ readonly agentId: string; readonly publicKeyHash: string; readonly status: string }> {
    const { email, name, publicKey, privateKey, invite, attestation } = options
    const signer = options.signer ?? (privateKey === undefined ? undefined : await pemSigner(privateKey))
    const { hash } = await readPublicKey(publicKey)
    const proof = signer && { proof: await signText(signer, `clawauth-register:${hash}`) }
    const more = { ...(invite !== undefined && { invite }), ...(attestation !== undefined && { attestation }) }
    const body = { email, name, publicKey, ...proof, ...more }
    const answer = await doorTo(options).ask({ method: 'POST', path: '/auth/register', body })
    const [agentId, status] = [stringIn(answer, 'agentId'), stringIn(answer, 'status')]
    return { agentId, publicKeyHash: stringIn(answer, 'publicKeyHash'), status }
  }

  /** Challenge and proof; gives new tokens and keeps them for `accessToken()`. */
  async authenticate(): Promise<ClawAuthTokens> {
    const { audience } = this.#options
    const asked = { agentId: this.agentId, ...(audience !== undefined && { audience }) }
    const challenge = await this.#wire.ask({ method: 'POST', path: '/auth/challenge', body: asked })
    const { text, version } = this.#textToSign(challenge)
    this.#signer ??= this.#findSigner()
    const signature = await signText(await this.#signer, text)
    const body = { challengeId: stringIn(challenge, 'challengeId'), signature, ...version }
    return this.#keep(await this.#wire.ask({ method: 'POST', path: '/auth/authenticate', body }))
  }

  /** New tokens for a refresh token, which is good once; for the one at hand if none is given. */
  async refreshToken(refreshToken = this.#tokens?.refreshToken): Promise<ClawAuthTokens> {
    if (refreshToken === undefined) return this.authenticate()
    return this.#keep(await this.#wire.ask({ method: 'POST', path: '/auth/refresh', body: { refreshToken } }))
  }

  /** An access token that is good for a while yet: the one at hand, a refreshed one, or one by proof. */
  async accessToken(): Promise<string> {
    const tokens = this.#tokens
    if (tokens !== undefined && this.#now() < tokens.freshUntil) return tokens.accessToken
    this.#flight ??= this.#renew().finally(() => {
      this.#flight = undefined
    })
    return (await this.#flight).accessToken
  }

  /** Ends the tokens at hand. */
  async revoke(): Promise<void> {
    const { refreshToken, accessToken } = this.#tokens ?? {}
    this.#tokens = undefined
    if (refreshToken === undefined || accessToken === undefined) return
    await this.#wire.ask(bearing(accessToken, { method: 'POST', path: '/auth/revoke', body: { refreshToken } }))
    await this.#wire.ask({ method: 'POST', path: '/auth/revoke', body: { token: accessToken } })
  }

  async #renew(): Promise<ClawAuthTokens> {
    if (this.#tokens === undefined) return this.authenticate()
    return this.refreshToken().catch((error: unknown) => {
      if (error instanceof ClavigerError && error.status === 401) return this.authenticate()
      throw error
    })
  }

  /** The bound form where it is offered, and from then on nothing else: who strips the offer gets no bare signature. */
  #textToSign(challenge: Answered): { text: string; version: { version?: 2 } } {
    const { signingInput } = challenge.json
    const nonce = stringIn(challenge, 'nonce')
    if (!/^[0-9a-f]{64}$/.test(nonce)) throw invalidAnswer(challenge.status, 'the nonce is not 64 hex characters')
    if (signingInput === undefined && !this.#bound) return { text: nonce, version: {} }
    if (typeof signingInput !== 'string') {
      throw new ClavigerError('bound_form_missing', 'The gateway no longer offers the bound form of the proof')
    }
    this.#bound = true
    const [form, issuer, agentId, challengeId, audience, signedNonce, more] = signingInput.split('\n', 7)
    checkIssuer(issuer, this.#wire.baseUrl, this.#options.issuer)
    const { audience: wanted } = this.#options
    const fits =
      form === 'clawauth-v2' &&
      agentId === this.agentId &&
      challengeId === stringIn(challenge, 'challengeId') &&
      (wanted === undefined || audience === wanted) &&
      signedNonce === nonce &&
      more === undefined
    if (!fits) throw invalidAnswer(challenge.status, 'the text to sign is not for this agent and challenge')
    return { text: signingInput, version: { version: 2 } }
  }

  #keep(answer: Answered): ClawAuthTokens {
    const { expiresIn } = answer.json
    if (typeof expiresIn !== 'number') throw invalidAnswer(answer.status, 'expiresIn is missing')
    const [accessToken, refreshToken] = [stringIn(answer, 'accessToken'), stringIn(answer, 'refreshToken')]
    const lifeMs = expiresIn * 1000
    const freshUntil = this.#now() + Math.max(lifeMs - MARGIN_MS, lifeMs / 2)
    this.#tokens = { accessToken, refreshToken, expiresIn, freshUntil }
    return { accessToken, refreshToken, expiresIn }
  }

  async #findSigner(): Promise<Signer> {
    return 'signer' in this.#options ? this.#options.signer : pemSigner(this.#options.privateKey)
  }
}

/** The documented form: DER in hex. */
async function signText(signer: Signer, text: string): Promise<string> {
  const raw = await signer.sign(utf8(text))
  if (!isRawSignature(raw)) throw signerFailed('64 bytes r‖s are wanted')
  return toHex(toDer(raw))
}
