import type { ServerResponse } from 'node:http'
import { endWith } from '../http/end-with.ts'
import { lastOfConnection } from '../http/last-of-connection.ts'
import { resetConnection } from '../http/reset-connection.ts'

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

const HOLD_BYTES = 64 * 1024

/**
 * The caller's side of a call. The head is held back to the end of the turn in which it came: most answers are complete
 * by then, and go out in one write with their length instead of in chunks.
 */
export class Answer {
  readonly #response: ServerResponse
  readonly #broke: (error: unknown) => void
  #head: AnswerHead | undefined
  #held: Buffer[] = []
  #heldBytes = 0
  #sent = false
  #over = false
  #drained: (() => void) | undefined
  #last: Buffer | undefined
  /** Body bytes handed to the connection. */
  bytes = 0

  /** `broke` hears of a head that could not be written. */
  constructor(response: ServerResponse, broke: (error: unknown) => void) {
    this.#response = response
    this.#broke = broke
  }

  /** Whether the head is on its way: from then on only the connection can say that something went wrong. */
  get sent(): boolean {
    return this.#sent
  }

  /** Whether the caller is slower than the answer. */
  get blocked(): boolean {
    return this.#drained !== undefined
  }

  begin(head: AnswerHead): void {
    this.#head = head
    if (!head.keepsLast) process.nextTick(sendHead, this)
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
    if (!this.#sent) {
      this.#held.push(chunk)
      this.#heldBytes += chunk.length
      if (this.#heldBytes <= HOLD_BYTES) return undefined
      return this.flush() ? undefined : this.#untilDrained()
    }
    return this.#response.write(chunk) ? undefined : this.#untilDrained()
  }

  /** Sends the head and what was held. False if the connection wants a pause. */
  flush(): boolean {
    const head = this.#head
    if (head === undefined || this.#sent || this.#over) return true
    if (head.length !== undefined && !head.trailers) head.headers.push('content-length', head.length)
    this.#writeHead(head)
    const held = this.#held
    this.#held = []
    let ready = true
    for (const chunk of held) ready = this.#response.write(chunk)
    if (held.length === 0) this.#response.flushHeaders()
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
  end(trailers?: readonly string[]): void {
    if (this.#over) return
    if (this.#last !== undefined) void this.#send(this.#last)
    if (this.#head?.trailers === true) this.flush()
    this.#over = true
    const head = this.#head
    if (this.#sent || head === undefined) {
      if (trailers !== undefined && trailers.length > 0) this.#response.addTrailers(pairs(trailers))
      this.#response.end()
      return
    }
    const noBody = this.#response.req.method === 'HEAD' || head.status === 304
    const length = noBody ? head.length : String(this.#heldBytes)
    if (length !== undefined && head.status !== 204) head.headers.push('content-length', length)
    this.#writeHead(head)
    endWith(this.#response, this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held))
  }

  /** The answer will not become complete: the connection is cut, so that nobody takes it for whole. */
  cut(): void {
    this.#over = true
    this.#held = []
    const { socket, req } = this.#response
    // To an HTTP/1.0 caller a closed connection is a complete body; a reset one is not.
    if (req.httpVersionMinor === 0 && req.httpVersionMajor === 1 && socket !== null) resetConnection(socket)
    else this.#response.destroy()
  }

  /** Nothing more is written, and nobody waits: the caller was answered otherwise, or is gone. */
  drop(): void {
    this.#over = true
    this.#held = []
    this.release()
  }

  /** Lets go whoever waits for the caller to read. */
  release(): void {
    const drained = this.#drained
    this.#drained = undefined
    drained?.()
  }

  #writeHead({ status, reason, headers }: AnswerHead): void {
    this.#sent = true
    if (!this.#response.req.complete) lastOfConnection(this.#response)
    if (reason === undefined) this.#response.writeHead(status, headers)
    else this.#response.writeHead(status, reason, headers)
  }

  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.#response.once('drain', () => this.release())
    })
  }
}

function sendHead(answer: Answer): void {
  answer.flushSoon()
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i] as string, flat[i + 1] as string])
  return list
}
