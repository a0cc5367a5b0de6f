import type { KeyObject } from 'node:crypto'
import { domain, lp } from '../../crypto/framing.ts'
import { hmac } from '../../crypto/mac.ts'
import type { Clock } from '../../ground/clock.ts'

/** A nonce is given out for so long and taken for as long again: it lives two to four minutes. */
export const NONCE_PERIOD_MS = 120_000

/**
 * The nonces of DPoP (RFC 9449 §8): a keyed hash of the boot and of the period, so that nothing is kept and what was
 * given out before a restart is not taken after it. Periods go by the clock that nobody can set.
 */
export class DpopNonces {
  readonly #clock: Clock
  readonly #secret: KeyObject
  readonly #bootId: string
  #period = -1
  #current = ''
  #previous = ''

  constructor(clock: Clock, secret: KeyObject, bootId: string) {
    this.#clock = clock
    this.#secret = secret
    this.#bootId = bootId
  }

  /** Number of the period, from 2 on. */
  period(): number {
    return Math.floor(this.#clock.mono() / NONCE_PERIOD_MS) + 2
  }

  /** The one to use from now on. */
  current(): string {
    this.#turn()
    return this.#current
  }

  /** Whether it is the present one or the one before it. Nonces are no secrets, so they are compared as text. */
  takes(nonce: string): boolean {
    this.#turn()
    return nonce === this.#current || nonce === this.#previous
  }

  #turn(): void {
    const period = this.period()
    if (period === this.#period) return
    this.#period = period
    this.#current = this.#of(period)
    this.#previous = this.#of(period - 1)
  }

  #of(period: number): string {
    const mac = hmac(this.#secret, domain('dpop-nonce'), lp(this.#bootId), lp(period))
    return mac.subarray(0, 16).toString('base64url')
  }
}
