import type { ServerHttp2Stream } from 'node:http2'
import type { SentLater } from '../../../gate/sent-later.ts'
import type { Problem } from '../../../ground/problem.ts'
import { problemHeaders, problemText } from '../../../http/send-problem.ts'
import type { Recipient, Writable } from '../../recipient.ts'
import { StreamAnswer } from './stream-answer.ts'

const NO_ERROR = 0

/** The caller's own stream. */
export class StreamRecipient implements Recipient {
  readonly #stream: ServerHttp2Stream
  readonly #method: string

  constructor(stream: ServerHttp2Stream, method: string) {
    this.#stream = stream
    this.#method = method
  }

  get gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  get headOnly(): boolean {
    return this.#method === 'HEAD'
  }

  onGone(listener: () => void): void {
    this.#stream.on('close', listener)
  }

  invite(): void {
    if (!this.gone && !this.#stream.headersSent) this.#stream.additionalHeaders({ ':status': 100 })
  }

  answer(broke: (error: unknown) => void): Writable {
    return new StreamAnswer(this.#stream, broke)
  }

  accept({ approval, status, expiresAt }: SentLater, rid: string): void {
    const body = `${JSON.stringify({ approval, status, expiresAt: new Date(expiresAt).toISOString() })}\n`
    this.#whole(202, body, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'preference-applied': 'respond-async',
      'claviger-request-id': rid,
    })
  }

  refuse(problem: Problem, rid: string): void {
    const body = problemText(problem, rid)
    // What speaks of the connection has no place here (RFC 9113 §8.2.2).
    const { connection: _, upgrade: __, ...headers } = problemHeaders(problem, rid, Buffer.byteLength(body))
    this.#whole(problem.status, body, headers)
  }

  #whole(status: number, body: string, headers: Readonly<Record<string, string>>): void {
    const stream = this.#stream
    if (this.gone) return
    if (stream.headersSent) {
      stream.destroy(new Error('the answer was cut'))
      return
    }
    stream.respond({ ':status': status, ...headers }, { endStream: this.headOnly })
    // What else is sent on the stream nobody reads (RFC 9113 §8.1).
    if (!this.headOnly) stream.end(body, () => stream.close(NO_ERROR))
  }
}
