import type { Clock } from '../ground/clock.ts'
import type { GrantId } from '../ground/ids.ts'

const WINDOW_MS = 60_000

/** When the last `rpm` calls were, in a ring: the next place holds the oldest of them. */
interface Ring {
  readonly times: Float64Array
  next: number
}

/** A grant, as far as its rate goes. */
interface Limited {
  readonly id: GrantId
  readonly rpm: number | undefined
}

/**
 * Calls a minute, exactly: never more than `rpm` in any 60 seconds, by the clock that cannot jump. In memory alone, and
 * only of grants that are used: 8 bytes a call of the limit. Calls that were refused do not count.
 */
export class RateLimits {
  readonly #clock: Clock
  readonly #rings = new Map<GrantId, Ring>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds until the grant allows a call; 0 now, Infinity never. Takes nothing. */
  waitMs({ id, rpm }: Limited): number {
    if (rpm === undefined) return 0
    if (rpm === 0) return Number.POSITIVE_INFINITY
    const ring = this.#rings.get(id)
    if (ring === undefined) return 0
    return Math.max(0, ring.times[ring.next]! + WINDOW_MS - this.#clock.mono())
  }

  /** Takes a call; false, and nothing taken, if the grant allows none now. */
  take(grant: Limited): boolean {
    if (grant.rpm === undefined) return true
    if (this.waitMs(grant) > 0) return false
    let ring = this.#rings.get(grant.id)
    if (ring === undefined) {
      ring = { times: new Float64Array(grant.rpm).fill(Number.NEGATIVE_INFINITY), next: 0 }
      this.#rings.set(grant.id, ring)
    }
    ring.times[ring.next] = this.#clock.mono()
    ring.next = (ring.next + 1) % grant.rpm
    return true
  }

  forget(id: GrantId): void {
    this.#rings.delete(id)
  }

  clear(): void {
    this.#rings.clear()
  }
}
