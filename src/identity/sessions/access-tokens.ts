/**
 * Checks access tokens. A signature is verified once for each token, then the token is known by its hash; what can change
 * (session, key, agent, signing key) is asked every time, in memory. Invariant: a token is good for its audience alone.
 */
import { hash, randomBytes } from 'node:crypto'
import { namesOtherAlgorithm, readJws } from '../../crypto/jws.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import type { TokenId } from '../../ground/ids.ts'
import { Coverage, type Scoped } from '../../policy/scope.ts'
import type { AccessTokenEntry } from '../contract.ts'
import type { Agent } from '../directory.ts'
import type { Room } from '../room.ts'
import type { VerifyError } from './contract.ts'
import type { Session } from './session-book.ts'
import { useSession } from './tokens.ts'

const MOST_KNOWN = 8_192
const LEEWAY_MS = 5_000

export type Claims = Readonly<Record<string, unknown>>

/** A token whose signature holds. It stands in a principal where an opaque token would. */
export class AccessToken implements AccessTokenEntry {
  readonly kind = 'jwt'
  /** What a revocation names: the sign-in, not the text. */
  readonly id: TokenId
  readonly jti: string
  readonly kid: string
  readonly claims: Claims
  readonly session: Session
  readonly agent: Agent
  readonly createdAt: number
  readonly expiresAt: number
  readonly scopes: readonly string[] | undefined
  readonly #coverages = new Map<string, Coverage>()
  readonly principal: { readonly kind: 'agent'; readonly agent: Agent; readonly token: AccessToken }

  readonly use?: () => Promise<boolean>

  constructor(claims: Claims, kid: string, session: Session, agent: Agent, use?: () => Promise<boolean>) {
    if (use !== undefined) this.use = use
    this.id = session.id as string as TokenId
    this.jti = claims.jti as string
    this.kid = kid
    this.claims = claims
    this.session = session
    this.agent = agent
    this.createdAt = (claims.iat as number) * 1_000
    this.expiresAt = (claims.exp as number) * 1_000
    this.scopes = scopesIn(claims)
    this.principal = { kind: 'agent', agent, token: this }
  }

  /** RFC 7638 thumbprint of the key that must prove each use; undefined for a bearer token. */
  get jkt(): string | undefined {
    return this.session.jkt
  }

  get whole(): boolean {
    const { key, parent, actors } = this.session
    const own = key !== undefined && parent === undefined && actors.length === 0
    return own && this.scopes === undefined && this.use === undefined
  }

  /** Whether its scope, which only ever takes away, leaves this call in. */
  covers(service: string, call: Scoped): boolean {
    if (this.scopes === undefined) return true
    let coverage = this.#coverages.get(service)
    if (coverage === undefined) {
      coverage = new Coverage(service, this.scopes)
      this.#coverages.set(service, coverage)
    }
    return coverage.covers(call)
  }

  get status(): 'active' | 'revoked' {
    return this.session.live ? 'active' : 'revoked'
  }
}

/** Undefined where there is no bound. A claim in another form is a bound that nobody here can read: nothing is in it. */
function scopesIn({ scope }: Claims): readonly string[] | undefined {
  if (scope === undefined) return undefined
  return typeof scope === 'string' ? scope.split(' ').filter((text) => text !== '') : []
}

export type Verified =
  | { readonly ok: true; readonly token: AccessToken }
  | { readonly ok: false; readonly error: VerifyError }

const TYPS = ['at+jwt', 'JWT'] as const
/** Every access token begins so: the base64url of `{"alg":"`. */
export const looksLikeJwt = (text: string): boolean => text.startsWith('eyJ')

export class AccessTokens {
  readonly #room: Room
  readonly #prefix = randomBytes(32).toString('latin1')
  readonly #known = new Map<string, AccessToken>()

  constructor(room: Room) {
    this.#room = room
  }

  /** With every check. `audience`: whom the token must be for. */
  verify(text: string, audience: string): Verified {
    const token = this.#token(text)
    if (typeof token === 'string') return { ok: false, error: token }
    const now = this.#room.clock.now()
    if (token.claims.aud !== audience) return { ok: false, error: 'wrong_audience' }
    if (now >= token.expiresAt) return { ok: false, error: 'expired' }
    if (token.createdAt > now + LEEWAY_MS) return { ok: false, error: 'malformed' }
    if (token.status !== 'active') return { ok: false, error: 'revoked' }
    if (token.agent.status !== 'active') return { ok: false, error: 'agent_inactive' }
    return { ok: true, token }
  }

  /** The same, whoever it is for: for who may know of tokens that are meant for others. */
  verifyAny(text: string): Verified {
    const token = this.#token(text)
    return typeof token === 'string' ? { ok: false, error: token } : this.verify(text, token.session.audience)
  }

  /**
   * The token that speaks for an agent at the gateway; undefined for what is none. Its expiry, its session's and its
   * agent's status are the policy's to judge, as with opaque tokens.
   */
  recognise(text: string): AccessToken | undefined {
    const token = this.#token(text)
    if (typeof token === 'string' || token.claims.aud !== this.#room.issuer()) return undefined
    if (token.createdAt > this.#room.clock.now() + LEEWAY_MS) return undefined
    return token
  }

  /** Whom a token is for whose signature holds, if that is not the gateway; undefined for everything else. */
  otherAudience(text: string): string | undefined {
    const token = looksLikeJwt(text) ? this.#token(text) : undefined
    if (typeof token !== 'object' || token.claims.aud === this.#room.issuer()) return undefined
    return token.session.audience
  }

  /** A token whose signature holds, whoever it is for and whether it lives or not: a door judges the rest in its own order. */
  look(text: string): AccessToken | VerifyError {
    return this.#token(text)
  }

  /** The session of a token whose signature holds, live or not. */
  sessionOf(text: string): Session | undefined {
    const token = looksLikeJwt(text) ? this.#token(text) : undefined
    return typeof token === 'object' ? token.session : undefined
  }

  forget(): void {
    this.#known.clear()
  }

  #token(text: string): AccessToken | VerifyError {
    const place = hash('sha256', this.#prefix + text, 'base64')
    const known = this.#known.get(place)
    // A signing key that was revoked, and a session that is gone, take what was known with them.
    if (known !== undefined && this.#room.signing.find(known.kid) !== undefined) return known
    const read = this.#read(text)
    if (typeof read === 'string') return read
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(place, read)
    return read
  }

  #read(text: string): AccessToken | VerifyError {
    const read = readJws(text, { typ: TYPS })
    if (read === undefined) return namesOtherAlgorithm(text) ? 'bad_signature' : 'malformed'
    const { kid } = read.header
    const key = kid === undefined ? undefined : this.#room.signing.find(kid)?.key
    if (kid === undefined || key === undefined) return 'bad_signature'
    if (!verifyP256(key, read.signingInput, read.signature)) return 'bad_signature'
    const { iss, sub, sid, jti, iat, exp } = read.payload
    if (iss !== this.#room.issuer() || typeof sub !== 'string' || typeof sid !== 'string') return 'malformed'
    if (typeof jti !== 'string' || typeof iat !== 'number' || typeof exp !== 'number') return 'malformed'
    const session = this.#room.sessions.get(sid)
    if (session === undefined) return this.#room.clock.now() >= exp * 1_000 ? 'expired' : 'revoked'
    const agent = this.#room.directory.agent(session.agent)
    // A door may call an agent by its name; a token that is good at the gateway says its id.
    const named = sub === agent?.name && session.audience !== this.#room.issuer()
    if (agent === undefined || (sub !== agent.id && !named)) return 'revoked'
    const use = session.row.max_uses === null ? undefined : () => useSession(this.#room, session)
    return new AccessToken(read.payload, kid, session, agent, use)
  }
}
