import { type Clock, systemClock } from '../ground/clock.ts'

/** Something that may not stay silent for too long. */
export interface Watched {
  /** The watch's time when something last moved. */
  movedAt: number
  /** Where the watch keeps it; the watch's own business. */
  place: number
  /** How long nothing may move in its present state, in milliseconds. */
  limitMs(): number
  /** It was silent for longer than that. Called at every look until it is removed. */
  silent(): void
}

/** Finds what went silent by looking round, so that bytes that pass cost no timer. */
export interface SilenceWatch {
  /** Time of the last look, on the monotonic clock: what `movedAt` is set to. */
  readonly now: number
  add(watched: Watched): void
  remove(watched: Watched): void
  /** Looks round now. */
  look(): void
  stop(): void
}

/** Looks round every `everyMs`; silences are found up to that much late, never early. */
export function createSilenceWatch(clock: Clock = systemClock, everyMs = 500): SilenceWatch {
  return new LookingWatch(clock, everyMs)
}

class LookingWatch implements SilenceWatch {
  now: number
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #timer: NodeJS.Timeout
  /** An array, not a Set: a Set that is added to and looked through all the time keeps dead calls alive for long. */
  readonly #all: Watched[] = []

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.now = clock.mono()
    this.#timer = setInterval(() => this.look(), everyMs)
    this.#timer.unref()
  }

  add(watched: Watched): void {
    watched.place = this.#all.length
    this.#all.push(watched)
  }

  remove(watched: Watched): void {
    const last = this.#all.at(-1)
    if (this.#all[watched.place] !== watched || last === undefined) return
    this.#all[watched.place] = last
    last.place = watched.place
    watched.place = -1
    this.#all.pop()
  }

  look(): void {
    const before = this.now
    this.now = this.#clock.mono()
    // What moved since the last look is stamped with the time of that look, so it gets the gap on top.
    const slack = Math.min(this.now - before, this.#everyMs)
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const watched = this.#all[i]
      if (watched !== undefined && this.now - watched.movedAt - slack > watched.limitMs()) watched.silent()
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
