import { hash } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'

/** At most so many in any span of `windowMs`. */
export interface Rate {
  readonly most: number
  readonly windowMs: number
}

const WINDOWS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000 }

/** `5/h`, `10/min`, `100/s`; at most 99,999. */
export const RATE_PATTERN = /^(?:off|([1-9][0-9]{0,4})\/(s|min|h))$/

/** A rate from its text; undefined for `off`. Throws TypeError for anything else. */
export function rateOf(text: string): Rate | undefined {
  const match = RATE_PATTERN.exec(text)
  if (match === null) throw new TypeError(`not a rate: '${text.slice(0, 40)}'`)
  return match[1] === undefined ? undefined : { most: Number(match[1]), windowMs: WINDOWS[match[2]!]! }
}

/** When the last `most` were taken: a ring once it is full. */
interface Ring {
  readonly times: number[]
  next: number
}

/**
 * Counts by key, exactly: never more than the rate in any window, by the clock that cannot jump. What is refused does not
 * count. Memory is bounded whoever comes: at most `entries` keys, each as a hash of 16 bytes; the one that was idle the
 * longest goes first, and idle ones go by themselves as others come. No timers.
 */
export class RateTable {
  readonly #clock: Clock
  readonly #rate: Rate | undefined
  readonly #entries: number
  readonly #rings = new Map<string, Ring>()

  constructor(clock: Clock, rate: Rate | undefined, entries = 16_384) {
    this.#clock = clock
    this.#rate = rate
    this.#entries = entries
  }

  /** Keys that are remembered now. */
  get size(): number {
    return this.#rings.size
  }

  /** Milliseconds until this key may go on; 0 now. Takes nothing. */
  waitMs(key: string): number {
    if (this.#rate === undefined) return 0
    const ring = this.#rings.get(nameOf(key))
    if (ring === undefined || ring.times.length < this.#rate.most) return 0
    return Math.max(0, ring.times[ring.next]! + this.#rate.windowMs - this.#clock.mono())
  }

  /** Counts one. Ask `waitMs` first: this does not refuse. */
  take(key: string): void {
    if (this.#rate === undefined) return
    const name = nameOf(key)
    const ring = this.#rings.get(name) ?? { times: [], next: 0 }
    // Deleted and set again, so that the map goes from the longest idle to the newest.
    this.#rings.delete(name)
    this.#rings.set(name, ring)
    if (ring.times.length < this.#rate.most) {
      ring.times.push(this.#clock.mono())
    } else {
      ring.times[ring.next] = this.#clock.mono()
      ring.next = (ring.next + 1) % this.#rate.most
    }
    this.#makeRoom(this.#rate.windowMs)
  }

  /** Two at most for each that comes, so that what a flood left behind melts away without a pause. */
  #makeRoom(windowMs: number): void {
    let looked = 0
    for (const [name, ring] of this.#rings) {
      if (this.#rings.size <= this.#entries && (looked >= 2 || !this.#isIdle(ring, windowMs))) return
      this.#rings.delete(name)
      looked += 1
    }
  }

  #isIdle({ times, next }: Ring, windowMs: number): boolean {
    const newest = times[(next + times.length - 1) % times.length] ?? 0
    return this.#clock.mono() - newest >= windowMs
  }
}

/** Of one length, whatever a caller calls itself, and no address in memory for longer than its request. */
function nameOf(key: string): string {
  return hash('sha256', key, 'buffer').toString('latin1', 0, 16)
}
