/**
 * Who is signed in at the operators' pages. In memory by design: a restart, a crash and every sealing sign everybody out,
 * nothing of a session lies in the database or its copies, and to come back costs one touch of a passkey.
 *
 * Invariant: a session is two halves, and both are wanted with every request: the cookie, which pages cannot read, and the
 * csrf token, which other origins cannot. The cookie alone opens nothing: browsers send those of `localhost` to every port.
 */
import { type KeyObject, randomBytes } from 'node:crypto'
import { toBase64url } from '../../crypto/base64url.ts'
import { sameMac } from '../../crypto/mac.ts'
import { newToken, readToken, storedForm } from '../../crypto/tokens.ts'
import type { Clock } from '../../ground/clock.ts'
import { newId, type OperatorId, type TokenId } from '../../ground/ids.ts'
import type { TokenEntry } from '../contract.ts'
import { hashKey } from '../directory.ts'
import type { Party } from './party.ts'

const IDLE_MS = 3_600_000
export const SESSION_LIFE_MS = 24 * IDLE_MS
/** A session by recovery code is for one thing. */
const RECOVERY_LIFE_MS = 15 * 60_000
/** How old the proof behind a change may be. */
const FRESH_MS = 5 * 60_000
const MOST_OF_ONE = 32
const TOKEN_KIND = 'os'
const CSRF_KIND = 'os-csrf'

export interface PersonSession {
  readonly id: TokenId
  readonly operator: OperatorId
  /** What it was opened with; undefined for a recovery code. */
  readonly passkey: string | undefined
  readonly party: Party
  readonly recovery: boolean
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly verifiedUntil: number
  /** As principals carry what they showed. */
  readonly entry: TokenEntry
  /** Whether its operator proved within five minutes who they are. */
  isFresh(): boolean
}

interface Kept extends PersonSession {
  lastSeenAt: number
  verifiedUntil: number
  readonly csrf: Uint8Array
  readonly endsMono: number
  seenMono: number
  verifiedMono: number
}

export interface FreshSession {
  readonly session: PersonSession
  /** The cookie's value. */
  readonly token: string
  readonly csrf: string
}

export class PersonSessions {
  readonly #clock: Clock
  readonly #pepper: () => KeyObject
  readonly #byHash = new Map<string, Kept>()
  #onEnd: () => void = () => {}

  constructor(clock: Clock, pepper: () => KeyObject) {
    this.#clock = clock
    this.#pepper = pepper
  }

  /** Calls `listener`, the one there is, when sessions were ended; not for those that ran out. */
  onEnd(listener: () => void): void {
    this.#onEnd = listener
  }

  /** `presented`: the cookie that came with the sign-in. What it opened ends: whoever signs in gets a session of their own. */
  open(who: Pick<PersonSession, 'operator' | 'passkey' | 'party'>, presented?: string): FreshSession {
    if (presented !== undefined && this.#byHash.delete(this.#hash(TOKEN_KIND, presented))) this.#onEnd()
    const mine = this.of(who.operator).sort((one, other) => one.seenMono - other.seenMono)
    for (const oldest of mine.slice(0, Math.max(0, mine.length - MOST_OF_ONE + 1))) this.end(oldest.id)
    const token = newToken(TOKEN_KIND).token.reveal().toString('latin1')
    const csrf = toBase64url(randomBytes(32))
    const kept = this.#newSession(who, csrf)
    this.#byHash.set(this.#hash(TOKEN_KIND, token), kept)
    return { session: kept, token, csrf }
  }

  /** The live session of both halves. Noted as seen. */
  find(token: string, csrf: string): PersonSession | undefined {
    if (readToken(token)?.kind !== TOKEN_KIND) return undefined
    const key = this.#hash(TOKEN_KIND, token)
    const kept = this.#byHash.get(key)
    if (kept === undefined) return undefined
    if (!this.#lives(kept)) {
      this.#byHash.delete(key)
      return undefined
    }
    if (!sameMac(kept.csrf, storedForm(this.#pepper(), CSRF_KIND, csrf))) return undefined
    kept.seenMono = this.#clock.mono()
    kept.lastSeenAt = this.#clock.now()
    return kept
  }

  /** Its operator has just proved it again. */
  verified(id: string): PersonSession | undefined {
    const kept = this.#byId(id)
    if (kept === undefined) return undefined
    kept.verifiedMono = this.#clock.mono()
    kept.verifiedUntil = this.#clock.now() + FRESH_MS
    return kept
  }

  byId(id: string): PersonSession | undefined {
    return this.#byId(id)
  }

  /** The same, noted as seen: for who showed something that stands for the session, other than its halves. */
  seen(id: string): PersonSession | undefined {
    const kept = this.#byId(id)
    if (kept === undefined) return undefined
    kept.seenMono = this.#clock.mono()
    kept.lastSeenAt = this.#clock.now()
    return kept
  }

  all(): PersonSession[] {
    return [...this.#byHash.values()].filter((kept) => this.#lives(kept))
  }

  of(operator: string): Kept[] {
    return [...this.#byHash.values()].filter((kept) => kept.operator === operator && this.#lives(kept))
  }

  /** False if there is none. */
  end(id: string): boolean {
    return this.endAll((session) => session.id === id) > 0
  }

  /** How many there were. */
  endAll(which: (session: PersonSession) => boolean): number {
    let count = 0
    for (const [key, kept] of this.#byHash) {
      if (which(kept) && this.#byHash.delete(key)) count += 1
    }
    if (count > 0) this.#onEnd()
    return count
  }

  #newSession(who: Pick<PersonSession, 'operator' | 'passkey' | 'party'>, csrf: string): Kept {
    const recovery = who.passkey === undefined
    const lifeMs = recovery ? RECOVERY_LIFE_MS : SESSION_LIFE_MS
    const [now, mono] = [this.#clock.now(), this.#clock.mono()]
    const id = newId('pse') as unknown as TokenId
    const entry: TokenEntry = {
      ...{ id, kind: TOKEN_KIND, owner: who.operator, label: undefined, createdAt: now, expiresAt: now + lifeMs },
      ...{ status: 'active', revokedAt: undefined, sources: undefined },
    }
    const kept: Kept = {
      isFresh: () => !recovery && this.#clock.mono() < kept.verifiedMono + FRESH_MS,
      ...{ ...who, id, recovery, entry, createdAt: now, lastSeenAt: now, expiresAt: entry.expiresAt },
      ...{ csrf: storedForm(this.#pepper(), CSRF_KIND, csrf), endsMono: mono + lifeMs, seenMono: mono },
      ...{ verifiedMono: mono, verifiedUntil: recovery ? now : now + FRESH_MS },
    }
    return kept
  }

  #lives({ endsMono, seenMono }: Kept): boolean {
    const mono = this.#clock.mono()
    return mono < endsMono && mono < seenMono + IDLE_MS
  }

  #byId(id: string): Kept | undefined {
    for (const kept of this.#byHash.values()) if (kept.id === id && this.#lives(kept)) return kept
    return undefined
  }

  #hash(kind: string, text: string): string {
    return hashKey(storedForm(this.#pepper(), kind, text))
  }
}
