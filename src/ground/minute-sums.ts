import type { Clock } from './clock.ts'

const MINUTE_MS = 60_000
const SHOWN = 100
/** Kinds told apart in one minute; beyond that they are summed together. */
const MOST_KINDS = 10_000

interface Kind<Event> {
  /** One of its kind: what the sum speaks of. */
  readonly first: Event
  shown: number
  summed: number
}

export interface MinuteSumsOptions<Event> {
  readonly clock: Clock
  /** Events of one name are of one kind. */
  readonly nameOf: (event: Event) => string
  /** What stands for an event whose kind is one too many to be told apart. */
  readonly several: (event: Event) => Event
  /**
   * Records a sum: one of its kind, how many, and the beginning of the minute in ms. Should the log refuse it, its count is
   * handed back through `add`.
   */
  readonly write: (first: Event, count: number, from: number) => void
}

/**
 * Keeps a flood of events out of the log without losing count: the first 100 of a kind in a minute are records of their
 * own, the rest become one record with the exact number.
 */
export class MinuteSums<Event> {
  readonly #options: MinuteSumsOptions<Event>
  #minute = 0
  #kinds = new Map<string, Kind<Event>>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: MinuteSumsOptions<Event>) {
    this.#options = options
  }

  /** Whether this event is to be a record of its own; otherwise it is counted. */
  admits(event: Event): boolean {
    const kind = this.#kind(event)
    if (kind.shown < SHOWN) {
      kind.shown += 1
      return true
    }
    this.add(event, 1)
    return false
  }

  /** Counts events that did not become records. */
  add(event: Event, count: number): void {
    this.#kind(event).summed += count
    this.#timer ??= setTimeout(() => this.flush(), MINUTE_MS).unref()
  }

  /** Whether there is a sum to write. */
  get pending(): boolean {
    return this.#timer !== undefined
  }

  /** Writes the sums and begins anew. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const kinds = this.#kinds
    const from = this.#minute * MINUTE_MS
    this.#kinds = new Map()
    for (const { first, summed } of kinds.values()) if (summed > 0) this.#options.write(first, summed, from)
  }

  #kind(event: Event): Kind<Event> {
    const { clock, nameOf, several } = this.#options
    const minute = Math.floor(clock.now() / MINUTE_MS)
    if (minute !== this.#minute) {
      if (this.#kinds.size > 0) this.flush()
      this.#minute = minute
    }
    const known = this.#kinds.get(nameOf(event))
    if (known) return known
    const crowded = this.#kinds.size >= MOST_KINDS
    const first = crowded ? several(event) : event
    const kind = this.#kinds.get(nameOf(first)) ?? { first, shown: crowded ? SHOWN : 0, summed: 0 }
    this.#kinds.set(nameOf(first), kind)
    return kind
  }
}
