// Records on their way to the disk, one class per way of waiting. Classes, not closures: there are two per call.
import type { Pieces } from './record-line.ts'
import type { Waiting } from './waiting.ts'

const FRAME_CHARACTERS = 220

function sizeOf(pieces: Waiting['pieces']): number {
  if (typeof pieces === 'function') return FRAME_CHARACTERS
  return pieces.head.length + pieces.mid.length + pieces.tail.length + FRAME_CHARACTERS
}

/** What an intent tells the log it belongs to. */
export interface IntentOwner {
  /** The intent was refused before it was in the log. */
  forget(rid: string): void
  /** The intent was refused and became durable all the same: it gets the outcome `not_sent`. */
  closeUnsent(rid: string): void
}

export class IntentEntry implements Waiting {
  readonly type = 'intent'
  readonly urgent = true
  readonly useReserve = false
  readonly size: number
  pieces: Pieces
  readonly since: number
  readonly rid: string
  seq = -1
  refused = false
  /** Its outcome was handed in. */
  closed = false
  /** The next in the same place of the open intents; theirs to set. */
  next: IntentEntry | undefined
  readonly #owner: IntentOwner
  #resolve: (seq: number) => void
  #reject: (problem: Error) => void

  constructor(
    rid: string,
    pieces: Pieces,
    since: number,
    owner: IntentOwner,
    resolve: (seq: number) => void,
    reject: (problem: Error) => void,
  ) {
    this.rid = rid
    this.pieces = pieces
    this.size = sizeOf(pieces)
    this.since = since
    this.#owner = owner
    this.#resolve = resolve
    this.#reject = reject
  }

  written(seq: number): void {
    const resolve = this.#resolve
    this.#letGo()
    if (this.refused) this.#owner.closeUnsent(this.rid)
    else resolve(seq)
  }

  refuse(problem: Error): void {
    if (this.seq < 0) this.#owner.forget(this.rid)
    this.#reject(problem)
  }

  /** It is remembered until its outcome is written: what it needed to get there is not kept as long. */
  #letGo(): void {
    this.pieces = nothing
    this.#resolve = ignore
    this.#reject = ignore
  }
}

const nothing: Pieces = { head: '', mid: '', tail: '', end: '' }
const ignore = () => {}

/** An outcome: nobody waits, unless the service is strict. Never refused while the process lives. */
export class OutcomeEntry implements Waiting {
  readonly type = 'outcome'
  readonly useReserve = false
  readonly size: number
  readonly pieces: Pieces
  readonly since: number
  readonly rid: string
  seq = -1
  refused = false
  readonly #waiter: { resolve(seq: number): void; reject(problem: Error): void } | undefined

  constructor(
    rid: string,
    pieces: Pieces,
    since: number,
    waiter?: { resolve(seq: number): void; reject(problem: Error): void },
  ) {
    this.rid = rid
    this.pieces = pieces
    this.size = sizeOf(pieces)
    this.since = since
    this.#waiter = waiter
  }

  get urgent(): boolean {
    return this.#waiter !== undefined
  }

  written(seq: number): void {
    this.#waiter?.resolve(seq)
  }

  refuse(problem: Error): void {
    this.#waiter?.reject(problem)
  }
}

export interface OtherEntryOptions {
  readonly type: string
  readonly pieces: Waiting['pieces']
  readonly since: number
  readonly urgent: boolean
  readonly useReserve: boolean
  readonly written: (seq: number) => void
  readonly refuse: (problem: Error) => void
}

export function otherEntry(options: OtherEntryOptions): Waiting {
  return { ...options, size: sizeOf(options.pieces), rid: undefined, seq: -1, refused: false }
}
