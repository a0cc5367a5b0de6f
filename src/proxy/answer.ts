import type { ServerResponse } from 'node:http'
import { endWith } from '../http/end-with.ts'
import { lastOfConnection } from '../http/last-of-connection.ts'
import { resetConnection } from '../http/reset-connection.ts'
import { type AnswerHead, HeldAnswer, type WholeAnswer } from './held-answer.ts'

/** The caller's side of a call over HTTP/1.1. */
export class Answer extends HeldAnswer {
  readonly #response: ServerResponse

  constructor(response: ServerResponse, broke: (error: unknown) => void) {
    super(broke)
    this.#response = response
  }

  protected sendHead(head: AnswerHead, alone: boolean): void {
    if (head.length !== undefined && !head.trailers) head.headers.push('content-length', head.length)
    this.#writeHead(head)
    if (alone) this.#response.flushHeaders()
  }

  protected sendChunk(chunk: Buffer): boolean {
    return this.#response.write(chunk)
  }

  protected onceDrained(): void {
    this.#response.once('drain', () => this.release())
  }

  protected sendEnd(trailers: readonly string[]): void {
    if (trailers.length > 0) this.#response.addTrailers(pairs(trailers))
    this.#response.end()
  }

  protected sendWhole({ head, chunks, bytes }: WholeAnswer): void {
    const noBody = this.#response.req.method === 'HEAD' || head.status === 304
    const length = noBody ? head.length : String(bytes)
    if (length !== undefined && head.status !== 204) head.headers.push('content-length', length)
    this.#writeHead(head)
    endWith(this.#response, chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
  }

  protected breakOff(): void {
    const { socket, req } = this.#response
    // To an HTTP/1.0 caller a closed connection is a complete body; a reset one is not.
    if (req.httpVersionMinor === 0 && req.httpVersionMajor === 1 && socket !== null) resetConnection(socket)
    else this.#response.destroy()
  }

  #writeHead({ status, reason, headers }: AnswerHead): void {
    if (!this.#response.req.complete) lastOfConnection(this.#response)
    if (reason === undefined) this.#response.writeHead(status, headers)
    else this.#response.writeHead(status, reason, headers)
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i] as string, flat[i + 1] as string])
  return list
}
