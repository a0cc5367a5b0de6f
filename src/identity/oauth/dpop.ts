/**
 * Proof of possession (DPoP, RFC 9449): the caller signs where and what it asks, with the key its token is bound to.
 *
 * Owns: the nonces it gives out, and the memory of proofs that were used. Invariant: a proof counts once, for one method
 * at one address, and for one token. Refuses: to forget a proof that could still be shown, whatever the clock does; when
 * there is no room to remember it, the proof is refused.
 */
import { hash, type KeyObject, randomBytes } from 'node:crypto'
import { type ReadJws, readJws } from '../../crypto/jws.ts'
import { type P256PublicKey, readPublicKey, verifyP256 } from '../../crypto/p256.ts'
import type { Clock } from '../../ground/clock.ts'
import { DpopNonces } from './dpop-nonces.ts'
import { namesRequest, type RequestUrl } from './same-url.ts'
import { SeenSet } from './seen-set.ts'

export interface DpopOptions {
  readonly clock: Clock
  readonly bootId: string
  /** Makes the nonces. One per process, or one for all nodes that answer for each other. */
  readonly secret: KeyObject
  /** Proofs that are remembered in two minutes at most; a million unless told, in 16 MiB. */
  readonly remembered?: number
}

export interface DpopAsked {
  /** The one `DPoP` header (see `dpopHeader`). */
  readonly proof: string | undefined
  readonly method: string
  readonly url: RequestUrl
  /** The access token that is presented with it; the proof must name it. */
  readonly accessToken?: string | undefined
  /** Thumbprint of the key that it must be (RFC 7638). */
  readonly jkt?: string | undefined
}

export type DpopVerdict =
  | {
      readonly ok: true
      readonly jkt: string
      /** To be sent as `DPoP-Nonce`: the one that was used will soon not be taken any more. */
      readonly nonce?: string
    }
  | {
      readonly ok: false
      readonly error: 'dpop_missing' | 'invalid_dpop_proof' | 'use_dpop_nonce'
      /** To be sent as `DPoP-Nonce`. */
      readonly nonce?: string
    }

/** How far the clocks of caller and gateway may differ where no nonce says that a proof is fresh. */
const SKEW_MS = 30_000
const MOST_JTI = 128
const MOST_KEYS = 1_024
const LONGEST_KEY = 256
const rules = { typ: ['dpop+jwt'], allowJwk: true, maxLength: 8_192 } as const

export class Dpop {
  readonly #clock: Clock
  readonly #nonces: DpopNonces
  readonly #seen: SeenSet
  /** By the clock that nobody can set. */
  readonly #startedAt: number
  readonly #keys = new Map<string, P256PublicKey>()
  /** The furthest that the wall clock ever was ahead of the other one, and the latest time a bare `iat` was believed. */
  #ahead = Number.NEGATIVE_INFINITY
  #believed = Number.NEGATIVE_INFINITY

  constructor({ clock, bootId, secret, remembered = 1_048_576 }: DpopOptions) {
    this.#clock = clock
    this.#startedAt = clock.mono()
    this.#nonces = new DpopNonces(clock, secret, bootId)
    this.#seen = new SeenSet(randomBytes(32).toString('latin1'), remembered)
  }

  /** The nonce to send as `DPoP-Nonce`. */
  nonce(): string {
    return this.#nonces.current()
  }

  /** Judges a proof and uses it up. Synchronous; one verification, and none for what is refused without it. */
  check(asked: DpopAsked): DpopVerdict {
    if (asked.proof === undefined) return { ok: false, error: 'dpop_missing' }
    const read = readJws(asked.proof, rules)
    if (read === undefined || !fits(read.payload, asked, this.#clock.now())) return invalid
    const key = this.#keyOf(read)
    if (key === undefined || (asked.jkt !== undefined && key.thumbprint !== asked.jkt)) return invalid
    if (!this.#isFresh(read.payload)) return { ok: false, error: 'use_dpop_nonce', nonce: this.nonce() }
    if (!verifyP256(key.key, read.signingInput, read.signature)) return invalid
    this.#remember(read, key)
    const { jti, nonce } = read.payload
    if (this.#seen.use(`${key.thumbprint}.${jti}`, this.#nonces.period()) !== 'new') return invalid
    if (nonce === undefined) this.#believed = Math.max(this.#believed, this.#clock.now())
    if (nonce === undefined || nonce === this.nonce()) return { ok: true, jkt: key.thumbprint }
    return { ok: true, jkt: key.thumbprint, nonce: this.nonce() }
  }

  /** By the nonce where there is one; else by `iat`, while the clock can be trusted, and not from before the start. */
  #isFresh({ nonce, iat }: ReadJws['payload']): boolean {
    if (nonce !== undefined) return typeof nonce === 'string' && this.#nonces.takes(nonce)
    const ageMs = this.#clock.now() - (iat as number) * 1_000
    // What was used before the start is not remembered. Second by second: `iat` knows no smaller part.
    if (ageMs >= this.#clock.mono() - this.#startedAt + 1_000) return false
    return Math.abs(ageMs) <= SKEW_MS && this.#clockHolds()
  }

  /**
   * False after the wall clock was set back: what was used and is forgotten by now could be shown again. True again when
   * it has passed the last `iat` that was believed.
   */
  #clockHolds(): boolean {
    const now = this.#clock.now()
    const ahead = now - this.#clock.mono()
    if (ahead < this.#ahead - SKEW_MS && now <= this.#believed + 3 * SKEW_MS) return false
    this.#ahead = ahead < this.#ahead - SKEW_MS ? ahead : Math.max(this.#ahead, ahead)
    return true
  }

  #keyOf({ header: { jwk } }: ReadJws): P256PublicKey | undefined {
    if (jwk === undefined) return undefined
    const known = this.#keys.get(JSON.stringify(jwk))
    if (known !== undefined) return known
    try {
      return readPublicKey(jwk)
    } catch {
      return undefined
    }
  }

  /** Reading a key costs as much as a verification, so those that signed something lately are kept. */
  #remember({ header: { jwk } }: ReadJws, key: P256PublicKey): void {
    const name = JSON.stringify(jwk)
    if (name.length > LONGEST_KEY || this.#keys.has(name)) return
    if (this.#keys.size >= MOST_KEYS) this.#keys.clear()
    this.#keys.set(name, key)
  }
}

const invalid: DpopVerdict = { ok: false, error: 'invalid_dpop_proof' }

/** What can be said before the signature is looked at (RFC 9449 §4.3). */
function fits({ jti, htm, htu, iat, exp, ath }: ReadJws['payload'], asked: DpopAsked, now: number): boolean {
  const { method, url, accessToken } = asked
  if (typeof jti !== 'string' || jti.length === 0 || jti.length > MOST_JTI) return false
  if (typeof iat !== 'number' || iat < 0) return false
  if (htm !== method || typeof htu !== 'string' || !namesRequest(htu, url)) return false
  // Not foreseen there; where a client sets an end, it counts.
  if (exp !== undefined && !(typeof exp === 'number' && exp * 1_000 > now - SKEW_MS)) return false
  return accessToken === undefined || ath === hash('sha256', accessToken, 'base64url')
}

/** The value of the one `DPoP` header. Two of them read as one that is no proof (RFC 9449 §4.3, 1). */
export function dpopHeader(rawHeaders: readonly string[]): string | undefined {
  let found: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length !== 4 || name.toLowerCase() !== 'dpop') continue
    found = found === undefined ? (rawHeaders[at + 1] as string) : ''
  }
  return found
}
