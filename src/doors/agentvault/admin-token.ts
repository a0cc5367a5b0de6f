import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import { rateLimited, refused } from './refusal.ts'

/** Wrong ones from one address that are answered at once; then each costs a pause, twice as long as the one before. */
const FREE = 20
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** Without a wrong one for so long an address begins anew. */
const FORGET_MS = 10 * 60_000
const MOST_SOURCES = 4_096

interface Failures {
  count: number
  last: number
  until: number
}

/**
 * The admin token, as `VAULT_ADMIN_TOKEN` gave it at the start. Kept as a keyed hash of this process: compared in constant
 * time, of any length, and to be found nowhere.
 */
export class AdminToken {
  readonly #key = randomBytes(32)
  readonly #expected: Buffer | undefined
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()

  constructor(token: string | undefined, clock: Clock) {
    this.#expected = token === undefined || token === '' ? undefined : this.#hash(token)
    this.#clock = clock
  }

  get isConfigured(): boolean {
    return this.#expected !== undefined
  }

  /** Whether this is the token; asks no questions about who says it. */
  is(presented: string): boolean {
    return this.#expected !== undefined && timingSafeEqual(this.#hash(presented), this.#expected)
  }

  /** Throws `ADMIN_NOT_CONFIGURED`, `ADMIN_UNAUTHORIZED`, and `RATE_LIMITED` to an address that guesses. */
  demand(presented: string | undefined, source: string): void {
    if (this.#expected === undefined) throw refused('ADMIN_NOT_CONFIGURED')
    const now = this.#clock.mono()
    const failures = this.#failures.get(source)
    if (failures !== undefined && now < failures.until) throw rateLimited(failures.until - now)
    if (presented !== undefined && this.is(presented)) {
      this.#failures.delete(source)
      return
    }
    this.noteFailure(source)
    throw refused('ADMIN_UNAUTHORIZED')
  }

  /** The same for endpoints that others use as well: a wrong one may be another's. Throws `RATE_LIMITED`. */
  matches(presented: string, source: string): boolean {
    if (this.#expected === undefined || !this.is(presented)) return false
    const failures = this.#failures.get(source)
    const now = this.#clock.mono()
    if (failures !== undefined && now < failures.until) throw rateLimited(failures.until - now)
    return true
  }

  /** Somebody at this address showed what is no token of anybody. */
  noteFailure(source: string): void {
    const now = this.#clock.mono()
    const before = this.#failures.get(source)
    const count = before === undefined || now - before.last > FORGET_MS ? 1 : before.count + 1
    const pause = count < FREE ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (count - FREE))
    // Deleted and set again: the map goes from the longest idle to the newest.
    this.#failures.delete(source)
    this.#failures.set(source, { count, last: now, until: now + pause })
    const oldest = this.#failures.keys().next().value
    if (this.#failures.size > MOST_SOURCES && oldest !== undefined) this.#failures.delete(oldest)
  }

  #hash(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}
