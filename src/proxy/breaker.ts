// Keeps one service that is ill from filling the gateway: a cap on its running calls, and a rest after many failures in
// a row. It counts what the network did, not what the service answered: a 500 is an answer.
import { type Clock, systemClock } from '../ground/clock.ts'
import type { ServiceId } from '../ground/ids.ts'
import { proxyProblem } from './problems.ts'

/** `neutral` is a call whose end says nothing about the service: the caller left, or was stopped. */
export type CallEnd = 'answered' | 'failed' | 'neutral'

export interface BreakerOptions {
  /** Calls of one service that may run at once. */
  readonly inFlight?: number
  /** Failures in a row after which the service rests. */
  readonly failures?: number
  /** First rest; doubles with every probe that fails, up to `maxRestMs`. */
  readonly restMs?: number
  readonly maxRestMs?: number
  readonly clock?: Clock
}

/** One service's state: closed (calls pass), open (resting), half-open (one probe runs). */
export interface ServiceBreaker {
  /** Counts a call in. Throws Problem `service_busy` or `service_resting`, both with `retryAfterSeconds`. */
  enter(): void
  /** Counts it out, once per `enter`. */
  leave(end: CallEnd): void
  readonly state: 'closed' | 'open' | 'half-open'
  readonly running: number
}

export interface Breakers {
  of(service: ServiceId): ServiceBreaker
  /** Forgets a service that is gone. */
  forget(service: ServiceId): void
}

type Limits = Required<BreakerOptions>

export function createBreakers(options: BreakerOptions = {}): Breakers {
  const limits: Limits = {
    inFlight: 256,
    failures: 16,
    restMs: 5_000,
    maxRestMs: 60_000,
    clock: systemClock,
    ...options,
  }
  const breakers = new Map<ServiceId, Breaker>()
  return {
    of(service) {
      let breaker = breakers.get(service)
      if (breaker === undefined) {
        breaker = new Breaker(limits)
        breakers.set(service, breaker)
      }
      return breaker
    },
    forget: (service) => void breakers.delete(service),
  }
}

class Breaker implements ServiceBreaker {
  readonly #limits: Limits
  #running = 0
  #failures = 0
  /** 0 while closed; else when the next probe may go, on the monotonic clock. */
  #restUntil = 0
  #restMs: number
  #probing = false

  constructor(limits: Limits) {
    this.#limits = limits
    this.#restMs = limits.restMs
  }

  get running(): number {
    return this.#running
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#restUntil === 0) return 'closed'
    return this.#probing || this.#limits.clock.mono() >= this.#restUntil ? 'half-open' : 'open'
  }

  enter(): void {
    if (this.#running >= this.#limits.inFlight) throw proxyProblem('service_busy', { facts: { retryAfterSeconds: 1 } })
    if (this.#restUntil !== 0) this.#enterResting()
    this.#running += 1
  }

  leave(end: CallEnd): void {
    this.#running -= 1
    if (end === 'answered') this.#close()
    else if (end === 'failed') this.#fail()
    else this.#probing = false
  }

  #enterResting(): void {
    const left = this.#restUntil - this.#limits.clock.mono()
    if (left > 0 || this.#probing) {
      const seconds = Math.max(1, Math.ceil(left / 1_000))
      throw proxyProblem('service_resting', { facts: { retryAfterSeconds: seconds } })
    }
    this.#probing = true
  }

  #close(): void {
    this.#failures = 0
    this.#restUntil = 0
    this.#restMs = this.#limits.restMs
    this.#probing = false
  }

  #fail(): void {
    this.#failures += 1
    if (this.#probing) this.#restMs = Math.min(this.#restMs * 2, this.#limits.maxRestMs)
    else if (this.#failures < this.#limits.failures || this.#restUntil !== 0) return
    this.#probing = false
    this.#restUntil = this.#limits.clock.mono() + this.#restMs
  }
}
