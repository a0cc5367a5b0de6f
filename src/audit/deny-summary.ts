import type { Clock } from '../ground/clock.ts'
import type { DenyRecord, OtherRecord } from './contract.ts'

const MINUTE_MS = 60_000
const SHOWN = 100
/** (agent, reason) pairs told apart in one minute; beyond that they are summed together. */
const MOST_PAIRS = 10_000

interface Pair {
  shown: number
  summed: number
  readonly first: DenyRecord
}

/**
 * Keeps a flood of denials out of the log without losing count: the first 100 per (agent, reason, minute) are records of
 * their own, the rest become one record with the exact number.
 */
export class DenySummary {
  readonly #clock: Clock
  readonly #write: (sum: OtherRecord, first: DenyRecord, count: number) => void
  #minute = 0
  #pairs = new Map<string, Pair>()
  #timer: NodeJS.Timeout | undefined

  /** `write` records a sum; should the log refuse it, its count is handed back through `add`. */
  constructor(clock: Clock, write: (sum: OtherRecord, first: DenyRecord, count: number) => void) {
    this.#clock = clock
    this.#write = write
  }

  /** Whether this denial is to be a record of its own; otherwise it is counted. */
  admits(record: DenyRecord): boolean {
    const pair = this.#pair(record)
    if (pair.shown < SHOWN) {
      pair.shown += 1
      return true
    }
    this.add(record, 1)
    return false
  }

  /** Counts denials that did not become records. */
  add(record: DenyRecord, count: number): void {
    this.#pair(record).summed += count
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
    for (const { first, summed } of pairs.values()) {
      if (summed > 0) this.#write(sumOf(first, summed, from), first, summed)
    }
  }

  #pair(record: DenyRecord): Pair {
    const minute = Math.floor(this.#clock.now() / MINUTE_MS)
    if (minute !== this.#minute) {
      if (this.#pairs.size > 0) this.flush()
      this.#minute = minute
    }
    const known = this.#pairs.get(`${record.actor?.id}\n${record.reason}`)
    if (known) return known
    const crowded = this.#pairs.size >= MOST_PAIRS
    const first = crowded ? { ...record, reason: 'several', actor: { kind: 'agent', id: 'several' } as const } : record
    const name = `${first.actor?.id}\n${first.reason}`
    const pair = this.#pairs.get(name) ?? { shown: crowded ? SHOWN : 0, summed: 0, first }
    this.#pairs.set(name, pair)
    return pair
  }
}

function sumOf({ actor, reason, policy }: DenyRecord, count: number, from: number): OtherRecord {
  const who = actor && { actor: { kind: actor.kind, id: actor.id } }
  return { type: 'deny', ...who, decision: { effect: 'deny', policy, reasons: [reason] }, ev: { count, from } }
}
