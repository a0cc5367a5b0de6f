import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { AnswerHead } from '../../answer.ts'
import type { Writable } from '../../recipient.ts'

const HOLD_BYTES = 64 * 1024

/**
 * The caller's side of a call on a stream of HTTP/2: what answer.ts is for HTTP/1.1. The head waits for the end of its turn, so
 * that an answer that is complete by then says so with it; trailers follow whatever was said of them.
 */
export class StreamAnswer implements Writable {
  readonly #stream: ServerHttp2Stream
  readonly #broke: (error: unknown) => void
  #head: AnswerHead | undefined
  #held: Buffer[] = []
  #heldBytes = 0
  #sent = false
  #over = false
  #drained: (() => void) | undefined
  #last: Buffer | undefined
  #trailers: OutgoingHttpHeaders = {}
  bytes = 0

  constructor(stream: ServerHttp2Stream, broke: (error: unknown) => void) {
    this.#stream = stream
    this.#broke = broke
  }

  get sent(): boolean {
    return this.#sent
  }

  get blocked(): boolean {
    return this.#drained !== undefined
  }

  begin(head: AnswerHead): void {
    this.#head = head
    if (!head.keepsLast) process.nextTick(sendHead, this)
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#over) return undefined
    this.bytes += chunk.length
    if (this.#head?.keepsLast !== true) return this.#send(chunk)
    const before = this.#last
    this.#last = chunk
    return before === undefined ? undefined : this.#send(before)
  }

  #send(chunk: Buffer): void | Promise<void> {
    if (this.#sent) return this.#stream.write(chunk) ? undefined : this.#untilDrained()
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes <= HOLD_BYTES) return undefined
    return this.flush() ? undefined : this.#untilDrained()
  }

  /** Sends the head and what was held. False if the stream wants a pause. */
  flush(): boolean {
    if (this.#head === undefined || this.#sent || this.#over) return true
    this.#respond(false)
    let ready = true
    for (const chunk of this.#held.splice(0)) ready = this.#stream.write(chunk)
    return ready
  }

  flushSoon(): void {
    try {
      this.flush()
    } catch (error) {
      this.#broke(error)
    }
  }

  end(trailers: readonly string[] = []): void {
    if (this.#over) return
    if (this.#last !== undefined) void this.#send(this.#last)
    this.#trailers = fields(trailers)
    const whole = !this.#sent && this.#heldBytes === 0 && trailers.length === 0
    if (!this.#sent && this.#head !== undefined) this.#respond(whole)
    this.#over = true
    if (!this.#stream.writable) return
    for (const chunk of this.#held.splice(0)) this.#stream.write(chunk)
    this.#stream.end()
  }

  cut(): void {
    this.#over = true
    this.#held = []
    // With RST_STREAM: `close()` would end the answer in good order.
    this.#stream.destroy(new Error('the answer was cut'))
  }

  drop(): void {
    this.#over = true
    this.#held = []
    const drained = this.#drained
    this.#drained = undefined
    drained?.()
  }

  #respond(endStream: boolean): void {
    const { status, headers, length } = this.#head as AnswerHead
    this.#sent = true
    if (this.#stream.destroyed || this.#stream.closed) return
    const given = fields(length === undefined ? headers : [...headers, 'content-length', length])
    if (!endStream) this.#stream.once('wantTrailers', () => this.#sendTrailers())
    this.#stream.respond({ ':status': status, ...given }, { endStream, waitForTrailers: !endStream })
  }

  /** Called by node:http2, where nobody would catch what it thinks of fields that HTTP/1.1 let pass. */
  #sendTrailers(): void {
    try {
      this.#stream.sendTrailers(this.#trailers)
    } catch (error) {
      this.#stream.destroy(error as Error)
    }
  }

  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.#stream.once('drain', () => {
        this.#drained = undefined
        resolve()
      })
    })
  }
}

function sendHead(answer: StreamAnswer): void {
  answer.flushSoon()
}

function fields(flat: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at] as string
    const value = flat[at + 1] as string
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return headers
}
