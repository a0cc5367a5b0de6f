// Verifies Claviger's access tokens where they are used: offline by the issuer's keys, and on request by asking the issuer.
import { readJws } from '../jws.ts'
import type { Fetch, Now } from '../platform.ts'
import { verifySignature } from '../public-key.ts'
import { type Claims, faultIn, hasScopes, type TokenFault } from './claims.ts'
import { faultInProof, type ProvedRequest } from './dpop-check.ts'
import { Introspection, type IntrospectionOptions } from './introspection.ts'
import { KeySet, readKeys } from './jwks.ts'
import { MemoryReplayGuard, type ReplayGuard } from './replay-guard.ts'

export interface VerifierOptions {
  /** `iss`, exactly. */
  readonly issuer: string
  /** This service: what must stand in `aud`. */
  readonly audience: string
  /** `native`: typ `at+jwt`, 5 s of leeway. `clawauth`: typ `JWT`, and `iat` at most 60 s ahead. */
  readonly profile?: 'native' | 'clawauth'
  /** The issuer's `/.well-known/jwks.json` if left out. */
  readonly jwksUrl?: string
  /** Ask the issuer about revocation as well. Without it a revoked token counts until it ends. */
  readonly introspection?: IntrospectionOptions
  /** Where used proofs are kept; this process's memory if left out. */
  readonly replays?: ReplayGuard
  /** Nonces that this service gives out for DPoP (RFC 9449 §9); none are asked for if left out. */
  readonly isOwnNonce?: (nonce: string) => boolean | Promise<boolean>
  readonly fetch?: Fetch
  readonly now?: Now
}

export interface VerifyRequest extends ProvedRequest {
  /** As it stood before the token. */
  readonly scheme: 'Bearer' | 'DPoP'
}

export type Verified = { readonly valid: true; readonly claims: Claims } | { readonly valid: false; error: TokenFault }

export interface Verifier {
  /**
   * Judges a token. `request` is needed for tokens that are bound to a key: without it they are refused (`proof_missing`).
   * Throws ClavigerError where nothing can be said: `jwks_unavailable`, `introspection_unavailable`, `replay_guard_full`.
   */
  verify(token: string, request?: VerifyRequest, scopes?: readonly string[]): Promise<Verified>
}

const profiles = {
  native: { typ: ['at+jwt'], iatAheadSeconds: 5 },
  clawauth: { typ: ['JWT'], iatAheadSeconds: 60 },
} as const
const LEEWAY_SECONDS = 5

export function createVerifier(options: VerifierOptions): Verifier {
  return new TokenVerifier(options)
}

class TokenVerifier implements Verifier {
  readonly #options: VerifierOptions
  readonly #now: Now
  readonly #keys: KeySet
  readonly #introspection: Introspection | undefined
  readonly #replays: ReplayGuard

  constructor(options: VerifierOptions) {
    const { issuer, introspection, jwksUrl, now = Date.now } = options
    const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
    const base = issuer.replace(/\/$/, '')
    this.#options = options
    this.#now = now
    this.#keys = new KeySet({ url: jwksUrl ?? `${base}/.well-known/jwks.json`, fetch, now, read: readKeys })
    this.#introspection =
      introspection && new Introspection({ url: `${base}/oauth/introspect`, ...introspection }, fetch, now)
    this.#replays = options.replays ?? new MemoryReplayGuard(now)
  }

  async verify(token: string, request?: VerifyRequest, scopes: readonly string[] = []): Promise<Verified> {
    const claims = await this.#signed(token)
    if (typeof claims === 'string') return { valid: false, error: claims }
    const unproved = await this.#unproved(token, claims, request)
    if (unproved !== undefined) return { valid: false, error: unproved }
    if ((await this.#introspection?.isActive(token)) === false) return { valid: false, error: 'revoked' }
    return hasScopes(claims, scopes) ? { valid: true, claims } : { valid: false, error: 'insufficient_scope' }
  }

  async #signed(token: string): Promise<Claims | TokenFault> {
    const { issuer, audience, profile = 'native' } = this.#options
    const { typ, iatAheadSeconds } = profiles[profile]
    const jws = readJws(token, { typ, members: ['kid'] })
    if (jws === undefined) return 'malformed'
    const key = await this.#keys.find(jws.header.kid as string)
    if (key === undefined || !(await verifySignature(key, jws.signingInput, jws.signature))) return 'bad_signature'
    const rules = { issuer, audience, nowSeconds: this.#now() / 1000, leewaySeconds: LEEWAY_SECONDS, iatAheadSeconds }
    return faultIn(jws.payload, rules) ?? (jws.payload as unknown as Claims)
  }

  /** A bound token needs its proof, and a token that is not bound has none to show (RFC 9449 §7.1, §7.2). */
  async #unproved(token: string, { cnf }: Claims, request?: VerifyRequest): Promise<TokenFault | undefined> {
    if (cnf === undefined) return request?.scheme === 'DPoP' ? 'proof_invalid' : undefined
    if (request?.scheme !== 'DPoP') return 'proof_missing'
    const nowSeconds = this.#now() / 1000
    const { isOwnNonce } = this.#options
    const rules = { accessToken: token, jkt: cnf.jkt, nowSeconds, replays: this.#replays, isOwnNonce }
    return faultInProof(request, rules)
  }
}
