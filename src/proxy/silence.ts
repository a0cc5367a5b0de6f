import { type Clock, systemClock } from '../ground/clock.ts'

/** Something that may not stay silent for too long. */
export interface Watched {
  /** The watch's time when something last moved. */
  movedAt: number
  /** How long nothing may move in its present state, in milliseconds. */
  limitMs(): number
  /** It was silent for longer than that. Called once per silence found. */
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
  const all = new Set<Watched>()
  let now = clock.mono()
  const look = () => {
    const before = now
    now = clock.mono()
    // What moved since the last look is stamped with the time of that look, so it gets the gap on top.
    const slack = Math.min(now - before, everyMs)
    for (const watched of all) if (now - watched.movedAt - slack > watched.limitMs()) watched.silent()
  }
  const timer = setInterval(look, everyMs)
  timer.unref()
  return {
    get now() {
      return now
    },
    add: (watched) => void all.add(watched),
    remove: (watched) => void all.delete(watched),
    look,
    stop: () => clearInterval(timer),
  }
}
