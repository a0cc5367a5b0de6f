/** Where time comes from. Rooms take a Clock, so that a test can set it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z. May jump. */
  now(): number
  /** Milliseconds since an arbitrary start. Never goes back. */
  mono(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
}

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
