import { GuessedSecret } from '../../crypto/guessed-secret.ts'
import type { Clock } from '../../ground/clock.ts'
import { rateLimited, refused } from './refusal.ts'

const LIMITS = { free: 20, longestPauseMs: 60_000, forgetMs: 10 * 60_000 }

/** The admin token, as `VAULT_ADMIN_TOKEN` gave it at the start. One of 32 random bytes waits for nobody who guesses. */
export class AdminToken {
  readonly #secret: GuessedSecret

  constructor(token: string | undefined, clock: Clock) {
    this.#secret = new GuessedSecret(token, clock, LIMITS)
  }

  get isConfigured(): boolean {
    return this.#secret.isSet
  }

  /** Throws `ADMIN_NOT_CONFIGURED`, `ADMIN_UNAUTHORIZED`, and `RATE_LIMITED` to an address that guesses. */
  demand(presented: string | undefined, source: string): void {
    if (!this.isConfigured) throw refused('ADMIN_NOT_CONFIGURED')
    this.#refuseWhilePaused(source, presented)
    if (presented === undefined || !this.#secret.is(presented)) {
      this.noteFailure(source)
      throw refused('ADMIN_UNAUTHORIZED')
    }
    this.#secret.succeeded(source)
  }

  /** The same for endpoints that others use as well: a wrong one may be another's. Throws `RATE_LIMITED`. */
  matches(presented: string, source: string): boolean {
    if (!this.#secret.is(presented)) return false
    this.#refuseWhilePaused(source, presented)
    return true
  }

  /** Somebody at this address showed what is no token of anybody. */
  noteFailure(source: string): void {
    this.#secret.failed(source)
  }

  #refuseWhilePaused(source: string, presented = ''): void {
    const waitMs = this.#secret.waitMs(source, presented)
    if (waitMs > 0) throw rateLimited(waitMs)
  }
}
