import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type AnswerHead, HeldAnswer, type WholeAnswer } from '../../held-answer.ts'

/** The caller's side of a call on a stream of HTTP/2. Trailers follow whatever was said of them. */
export class StreamAnswer extends HeldAnswer {
  readonly #stream: ServerHttp2Stream
  #trailers: OutgoingHttpHeaders = {}

  constructor(stream: ServerHttp2Stream, broke: (error: unknown) => void) {
    super(broke)
    this.#stream = stream
  }

  protected sendHead(head: AnswerHead): void {
    this.#respond(head, false)
  }

  protected sendChunk(chunk: Buffer): boolean {
    return this.#stream.write(chunk)
  }

  protected onceDrained(): void {
    this.#stream.once('drain', () => this.release())
  }

  protected sendEnd(trailers: readonly string[]): void {
    this.#trailers = fields(trailers)
    if (this.#stream.writable) this.#stream.end()
  }

  protected sendWhole({ head, chunks, trailers }: WholeAnswer): void {
    this.#respond(head, chunks.length === 0 && trailers.length === 0)
    if (this.#stream.writable) for (const chunk of chunks) this.#stream.write(chunk)
    this.sendEnd(trailers)
  }

  /** With RST_STREAM: `close()` would end the answer in good order. */
  protected breakOff(): void {
    this.#stream.destroy(new Error('the answer was cut'))
  }

  #respond({ status, headers, length }: AnswerHead, endStream: boolean): void {
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
