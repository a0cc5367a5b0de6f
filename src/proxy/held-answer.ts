import type { Writable } from './recipient.ts'

/** What the caller is sent before the body. */
export interface AnswerHead {
  readonly status: number
  readonly reason: string | undefined
  /** Names and values by turns, without `Content-Length`. Grows by what only the end of the answer tells. */
  readonly headers: string[]
  /** Length of the body where it is known beforehand, decimal digits. */
  readonly length: string | undefined
  /** Whether trailers may follow: then the body goes out in chunks, whatever its length. */
  readonly trailers: boolean
  /** Whether the last piece waits for the end: the head if there is no body, else its last chunk. */
  readonly keepsLast: boolean
}

/** An answer of which nothing went out yet. */
export interface WholeAnswer {
  readonly head: AnswerHead
  readonly chunks: readonly Buffer[]
  readonly bytes: number
  readonly trailers: readonly string[]
}

const HOLD_BYTES = 64 * 1024

/**
 * The caller's side of a call, whatever it is carried by. The head is held back to the end of the turn in which it came: most
 * answers are complete by then, and go out in one write with their length instead of in pieces.
 */
export abstract class HeldAnswer implements Writable {
  readonly #broke: (error: unknown) => void
  #head: AnswerHead | undefined
  #held: Buffer[] = []
  #heldBytes = 0
  #sent = false
  #over = false
  #drained: (() => void) | undefined
  #last: Buffer | undefined
  bytes = 0

  /** `broke` hears of a head that could not be written. */
  constructor(broke: (error: unknown) => void) {
    this.#broke = broke
  }

  /** `alone`: no body follows at once. */
  protected abstract sendHead(head: AnswerHead, alone: boolean): void
  /** False if the connection wants a pause; it calls release() when it is over. */
  protected abstract sendChunk(chunk: Buffer): boolean
  protected abstract onceDrained(): void
  /** The end of one whose head went out, or which never had one. */
  protected abstract sendEnd(trailers: readonly string[]): void
  /** All of it at once. */
  protected abstract sendWhole(answer: WholeAnswer): void
  /** So that nobody takes what went out for the whole. */
  protected abstract breakOff(): void

  get sent(): boolean {
    return this.#sent
  }

  get blocked(): boolean {
    return this.#drained !== undefined
  }

  begin(head: AnswerHead): void {
    this.#head = head
    if (!head.keepsLast) process.nextTick(flushSoon, this)
  }

  /** Undefined if more may come at once, else a promise to wait for. Settles as well when the connection closes. */
  write(chunk: Buffer): void | Promise<void> {
    if (this.#over) return undefined
    this.bytes += chunk.length
    if (this.#head?.keepsLast !== true) return this.#send(chunk)
    const before = this.#last
    this.#last = chunk
    return before === undefined ? undefined : this.#send(before)
  }

  #send(chunk: Buffer): void | Promise<void> {
    if (this.#sent) return this.sendChunk(chunk) ? undefined : this.#untilDrained()
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes <= HOLD_BYTES) return undefined
    return this.flush() ? undefined : this.#untilDrained()
  }

  /** Sends the head and what was held. False if the connection wants a pause. */
  flush(): boolean {
    const head = this.#head
    if (head === undefined || this.#sent || this.#over) return true
    const held = this.#held
    this.#held = []
    this.#sent = true
    this.sendHead(head, held.length === 0)
    let ready = true
    for (const chunk of held) ready = this.sendChunk(chunk)
    return ready
  }

  /** `flush` where nobody catches what it throws. */
  flushSoon(): void {
    try {
      this.flush()
    } catch (error) {
      this.#broke(error)
    }
  }

  /** The answer is complete. */
  end(trailers: readonly string[] = []): void {
    if (this.#over) return
    if (this.#last !== undefined) void this.#send(this.#last)
    if (this.#head?.trailers === true) this.flush()
    this.#over = true
    const head = this.#head
    if (this.#sent || head === undefined) {
      this.sendEnd(trailers)
    } else {
      this.#sent = true
      this.sendWhole({ head, chunks: this.#held, bytes: this.#heldBytes, trailers })
    }
  }

  /** The answer will not become complete: the connection is cut, so that nobody takes it for whole. */
  cut(): void {
    this.#over = true
    this.#held = []
    this.breakOff()
  }

  /** Nothing more is written, and nobody waits: the caller was answered otherwise, or is gone. */
  drop(): void {
    this.#over = true
    this.#held = []
    this.release()
  }

  /** Lets go whoever waits for the caller to read. */
  protected release(): void {
    const drained = this.#drained
    this.#drained = undefined
    drained?.()
  }

  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.onceDrained()
    })
  }
}

function flushSoon(answer: HeldAnswer): void {
  answer.flushSoon()
}
