/** Where time comes from. Rooms take a Clock, so that a test can set it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z. May jump. */
  now(): number
  /** Milliseconds since an arbitrary start. Never goes back. */
  mono(): number
}

/** A step back of the wall clock that is followed: what time servers do. */
const STEP_BACK_MS = 5_000
/** What both clocks may differ in rate, at most what a time server slews by (500 ppm). */
const SLOWEST = 0.9995

/**
 * A wall clock that does not go back: set back by more than five seconds it goes on from where it was, so that nothing
 * that expired comes back while the process lives. Forward jumps are followed: then things end early.
 */
export function steadyClock(wall: () => number, mono: () => number): Clock {
  let highest = wall()
  let at = mono()
  return {
    now: () => {
      const now = wall()
      const elapsed = mono() - at
      const least = highest + elapsed * SLOWEST
      if (now < least) return now < least - STEP_BACK_MS ? Math.floor(least) : now
      highest = now
      at += elapsed
      return now
    },
    mono,
  }
}

export const systemClock: Clock = steadyClock(
  () => Date.now(),
  () => performance.now(),
)

/** A clock that stands still until it is told to move. */
export class SetClock implements Clock {
  #now: number
  #mono = 0

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  mono(): number {
    return this.#mono
  }

  /** Moves both clocks forward by `ms` milliseconds. */
  advance(ms: number): void {
    this.#now += ms
    this.#mono += ms
  }

  /** Sets the wall clock alone, as a jump does. */
  jumpTo(now: number): void {
    this.#now = now
  }
}
