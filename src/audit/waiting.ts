import type { Pieces } from './record-line.ts'

/** A record on its way to the disk. */
export interface Waiting {
  readonly type: string
  /** Anchors say what is open when they are written, so theirs are made then. */
  readonly pieces: Pieces | ((seq: number) => Pieces)
  /** Characters of the line, about. */
  readonly size: number
  /** Whether somebody waits for it; the others ride along or wait 20 ms. */
  readonly urgent: boolean
  readonly useReserve: boolean
  /** Monotonic ms when it was handed in. */
  readonly since: number
  readonly rid: string | undefined
  /** -1 until it stands in a group. */
  seq: number
  /** Set on an intent that was refused although its group may still become durable. */
  refused: boolean
  written(seq: number): void
  /** It is not in the log and will not be. Not called for outcomes while the process lives. */
  refuse(problem: Error): void
}

const MOST_RECORDS = 8_192
const MOST_CHARACTERS = 8 * 1_024 * 1_024
const COMPACT_AT = 1_024

/** First in, first out. Bounded for those that ask first: a blocked log must refuse, not hang. */
export class WaitingRecords {
  /** Whoever left is taken out at once: a list that outlived its group would keep them. */
  #items: (Waiting | undefined)[] = []
  #head = 0
  #characters = 0
  #urgent = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get full(): boolean {
    return this.length >= MOST_RECORDS || this.#characters >= MOST_CHARACTERS
  }

  /** How many of them somebody waits for. */
  get urgent(): number {
    return this.#urgent
  }

  push(item: Waiting): void {
    this.#items.push(item)
    this.#count(item, 1)
  }

  shift(): Waiting | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head] = undefined
    this.#head += 1
    this.#count(item, -1)
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= COMPACT_AT) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Back to the front, in order: a group that could not be written. */
  putBack(items: readonly Waiting[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
    for (const item of items) this.#count(item, 1)
  }

  /** Takes out and returns all that match. */
  take(matches: (item: Waiting) => boolean): Waiting[] {
    const taken: Waiting[] = []
    const kept: Waiting[] = []
    for (const item of this.#items.slice(this.#head)) if (item) (matches(item) ? taken : kept).push(item)
    this.#items = kept
    this.#head = 0
    for (const item of taken) this.#count(item, -1)
    return taken
  }

  #count(item: Waiting, by: 1 | -1): void {
    this.#characters += by * item.size
    if (item.urgent) this.#urgent += by
  }
}
