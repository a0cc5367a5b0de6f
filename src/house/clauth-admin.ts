import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { clauthProblem, unauthorized } from '../doors/clauth/contract.ts'
import type { Clock } from '../ground/clock.ts'
import { problemsOf } from '../ground/problem.ts'

/** Wrong ones of one source that are answered at once; then each costs a pause, twice as long as the one before. */
const FREE = 5
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 300_000
/** Without a wrong one for so long a source begins anew. */
const FORGET_MS = 900_000
const MOST_SOURCES = 4_096

interface Failures {
  readonly count: number
  readonly last: number
  readonly until: number
}

const problem = problemsOf({
  admin_backing_off: { status: 429, title: 'Too many wrong admin tokens came from there: wait' },
})

/**
 * The admin token of the Clauth door. Only a keyed hash of it is kept, with a key of this process: it is compared in
 * constant time whatever its length, and stands nowhere to be read.
 */
export class ClauthAdmin {
  readonly #key = randomBytes(32)
  readonly #expected: Buffer | undefined
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()

  constructor(token: string | undefined, clock: Clock) {
    this.#expected = token === undefined || token === '' ? undefined : this.#hash(token)
    this.#clock = clock
  }

  /** Takes the token out of the environment, so that nothing that is started from here gets it. */
  static fromEnvironment(env: NodeJS.ProcessEnv, name: string, clock: Clock): ClauthAdmin {
    const token = env[name]
    delete env[name]
    return new ClauthAdmin(token, clock)
  }

  /** Throws Problem `clauth_admin_disabled`, `clauth_unauthorized`; `admin_backing_off` to a source that guesses. */
  check(presented: string | undefined, source: string): void {
    if (this.#expected === undefined) throw clauthProblem('clauth_admin_disabled')
    const now = this.#clock.mono()
    const { until = 0 } = this.#failures.get(source) ?? {}
    if (now < until) {
      throw problem('admin_backing_off', { facts: { retryAfterSeconds: Math.ceil((until - now) / 1_000) } })
    }
    if (!timingSafeEqual(this.#hash(presented ?? ''), this.#expected)) {
      this.#failed(source, now)
      throw unauthorized('Invalid admin token')
    }
    this.#failures.delete(source)
  }

  #failed(source: string, now: number): void {
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
