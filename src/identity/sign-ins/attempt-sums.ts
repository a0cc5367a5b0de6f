import type { Clock } from '../../ground/clock.ts'
import type { Attempt } from './contract.ts'

const MINUTE_MS = 60_000
const SHOWN = 100
/** (agent, result) pairs told apart in one minute; beyond that they are summed together. */
const MOST_PAIRS = 10_000

/** What a sum speaks of. */
export interface Kind {
  readonly agent?: string | undefined
  readonly result: Attempt['result'] | 'several'
}

interface Pair {
  readonly kind: Kind
  shown: number
  summed: number
}

/**
 * Keeps a flood of attempts out of the log without losing count, as the log does with denials: the first 100 per (agent,
 * result, minute) are records of their own, the rest become one record with the exact number.
 */
export class AttemptSums {
  readonly #clock: Clock
  readonly #write: (kind: Kind, count: number, from: number) => void
  #minute = 0
  #pairs = new Map<string, Pair>()
  #timer: NodeJS.Timeout | undefined

  /** `write` records a sum; should the log refuse it, its count is handed back through `add`. */
  constructor(clock: Clock, write: (kind: Kind, count: number, from: number) => void) {
    this.#clock = clock
    this.#write = write
  }

  /** Whether this attempt is to be a record of its own; otherwise it is counted. */
  admits(kind: Kind): boolean {
    const pair = this.#pair(kind)
    if (pair.shown < SHOWN) {
      pair.shown += 1
      return true
    }
    this.add(kind, 1)
    return false
  }

  /** Counts attempts that did not become records. */
  add(kind: Kind, count: number): void {
    this.#pair(kind).summed += count
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
    const pairs = this.#pairs
    const from = this.#minute * MINUTE_MS
    this.#pairs = new Map()
    for (const { kind, summed } of pairs.values()) if (summed > 0) this.#write(kind, summed, from)
  }

  #pair(kind: Kind): Pair {
    const minute = Math.floor(this.#clock.now() / MINUTE_MS)
    if (minute !== this.#minute) {
      if (this.#pairs.size > 0) this.flush()
      this.#minute = minute
    }
    const known = this.#pairs.get(nameOf(kind))
    if (known) return known
    const crowded = this.#pairs.size >= MOST_PAIRS
    const kept: Kind = crowded ? { result: 'several' } : kind
    const pair = this.#pairs.get(nameOf(kept)) ?? { kind: kept, shown: crowded ? SHOWN : 0, summed: 0 }
    this.#pairs.set(nameOf(kept), pair)
    return pair
  }
}

const nameOf = ({ agent = '', result }: Kind) => `${agent}\n${result}`
