import { GuessedSecret, takenFromEnvironment } from '../crypto/guessed-secret.ts'
import { clauthProblem, unauthorized } from '../doors/clauth/contract.ts'
import type { Clock } from '../ground/clock.ts'
import { problemsOf } from '../ground/problem.ts'

const LIMITS = { free: 5, longestPauseMs: 300_000, forgetMs: 900_000 }

const problem = problemsOf({
  admin_backing_off: { status: 429, title: 'Too many wrong admin tokens came from there: wait' },
})

/** The admin token of the Clauth door. */
export class ClauthAdmin {
  readonly #secret: GuessedSecret

  constructor(token: string | undefined, clock: Clock) {
    this.#secret = new GuessedSecret(token, clock, LIMITS)
  }

  /** Takes the token out of the environment. */
  static fromEnvironment(env: NodeJS.ProcessEnv, name: string, clock: Clock): ClauthAdmin {
    return new ClauthAdmin(takenFromEnvironment(env, name), clock)
  }

  /**
   * Throws Problem `clauth_admin_disabled`, `clauth_unauthorized`; `admin_backing_off` to a source that guesses. A token of 32 random
   * bytes passes at any time: whoever is on this machine comes from the same address, and may not keep an emergency revocation out.
   */
  check(presented: string | undefined, source: string): void {
    if (!this.#secret.isSet) throw clauthProblem('clauth_admin_disabled')
    const waitMs = this.#secret.waitMs(source, presented ?? '')
    if (waitMs > 0) throw problem('admin_backing_off', { facts: { retryAfterSeconds: Math.ceil(waitMs / 1_000) } })
    if (!this.#secret.is(presented ?? '')) {
      // Whoever shows nothing guesses nothing.
      if (presented) this.#secret.failed(source)
      throw unauthorized('Invalid admin token')
    }
    this.#secret.succeeded(source)
  }
}
