// Proofs of possession for tokens and calls (RFC 9449). The key is its own, made for this process and not extractable, unless
// one is given: the agent's key may be slow, and signs nothing but who it is.
import { randomId, sha256, toBase64url, utf8 } from '../bytes.ts'
import { signJws } from '../jws.ts'
import { generateKeyPair } from '../keys.ts'
import type { Now } from '../platform.ts'
import { type PublicJwk, readPublicKey } from '../public-key.ts'
import { type Signer, webCryptoSigner } from '../signer.ts'
import { isObject } from '../strict-json.ts'

const MAX_NONCE = 1_024

export class DpopProver {
  readonly #given: Signer | undefined
  readonly #now: Now
  #key: Promise<{ signer: Signer; jwk: PublicJwk }> | undefined
  /** Origin → the newest nonce that its server gave (§8). */
  readonly #nonces = new Map<string, string>()

  constructor(given: Signer | undefined, now: Now) {
    this.#given = given
    this.#now = now
  }

  /** The value of the header `DPoP` for one request, and the nonce in it. */
  async prove(
    method: string,
    url: string,
    accessToken?: string,
  ): Promise<{ proof: string; nonce: string | undefined }> {
    const { origin, pathname } = new URL(url)
    const nonce = this.#nonces.get(origin)
    this.#key ??= this.#prepare()
    const { signer, jwk } = await this.#key
    const payload = {
      htm: method,
      htu: `${origin}${pathname}`,
      iat: Math.floor(this.#now() / 1000),
      jti: randomId(),
      ...(nonce !== undefined && { nonce }),
      ...(accessToken !== undefined && { ath: toBase64url(await sha256(utf8(accessToken))) }),
    }
    return { proof: await signJws(signer, { typ: 'dpop+jwt', jwk }, payload), nonce }
  }

  /** The key itself, for who makes calls with a token that is bound to it. */
  async signer(): Promise<Signer> {
    this.#key ??= this.#prepare()
    return (await this.#key).signer
  }

  /** Takes the nonce of an answer for the next proof. True if `used` was another. */
  learn(url: string, headers: Headers, used: string | undefined): boolean {
    const nonce = headers.get('dpop-nonce')
    if (nonce === null || nonce.length > MAX_NONCE) return false
    this.#nonces.set(new URL(url).origin, nonce)
    return nonce !== used
  }

  async #prepare(): Promise<{ signer: Signer; jwk: PublicJwk }> {
    const signer = this.#given ?? (await webCryptoSigner(await generateKeyPair()))
    return { signer, jwk: (await readPublicKey(signer.publicKey)).jwk }
  }
}

/** Whether an answer refuses a proof only for want of a nonce (§8, §9). */
export function wantsNonce(status: number, headers: Headers, json: unknown): boolean {
  if (status !== 400 && status !== 401) return false
  const inBody = isObject(json) && (json.error === 'use_dpop_nonce' || json.code === 'use_dpop_nonce')
  return inBody || /\buse_dpop_nonce\b/.test(headers.get('www-authenticate') ?? '')
}
