import type { ServerResponse } from 'node:http'
import type { SentLater } from '../gate/sent-later.ts'
import type { Problem } from '../ground/problem.ts'
import { lastOfConnection } from '../http/last-of-connection.ts'
import { sendProblem } from '../http/send-problem.ts'
import { Answer } from './answer.ts'
import type { AnswerHead } from './held-answer.ts'

/** The answer of one try of a call, as whoever carries it out writes it. */
export interface Writable {
  /** Whether the head is on its way: from then on only a cut can say that something went wrong. */
  readonly sent: boolean
  /** Whether whoever gets it is slower than it comes. */
  readonly blocked: boolean
  /** Body bytes handed on. */
  readonly bytes: number
  begin(head: AnswerHead): void
  /** Undefined if more may come at once, else a promise to wait for. May throw a Problem. */
  write(chunk: Buffer): void | Promise<void>
  end(trailers?: readonly string[]): void
  cut(): void
  drop(): void
}

/** Who gets the answer of a call: its caller's connection, or a door that puts it into words of its own. */
export interface Recipient {
  /** It left before the call was over. */
  readonly gone: boolean
  /** Whether it asked for the head alone. */
  readonly headOnly: boolean
  /** Calls `listener` when it leaves, and it may be when its answer is over. */
  onGone(listener: () => void): void
  /** Tells a caller that waits with its body to send it. */
  invite(): void
  /** A new one for each try. `broke` hears of a head that could not be written. */
  answer(broke: (error: unknown) => void): Writable
  /** Instead of an answer, where it does not wait for one: the call is sent for it once there is a yes. */
  accept?(later: SentLater, rid: string): void
  /** Instead of an answer. */
  refuse(problem: Problem, rid: string): void
}

/** RFC 9209, without an error: what `preference-applied` says, in the gateway's name. */
const SENT_LATER = 'claviger; details="respond_async"'

/** The caller's own connection. */
export class Connection implements Recipient {
  readonly #response: ServerResponse
  readonly #atOurs: boolean

  /** `atOurs`: whether a path in the answer means one of ours, as it does not for a client that speaks to another host by us. */
  constructor(response: ServerResponse, atOurs = true) {
    this.#response = response
    this.#atOurs = atOurs
  }

  get gone(): boolean {
    return this.#response.destroyed
  }

  get headOnly(): boolean {
    return this.#response.req.method === 'HEAD'
  }

  onGone(listener: () => void): void {
    this.#response.on('close', listener)
  }

  invite(): void {
    this.#response.writeContinue()
  }

  answer(broke: (error: unknown) => void): Writable {
    return new Answer(this.#response, broke)
  }

  accept({ approval, status, expiresAt }: SentLater, rid: string): void {
    const body = `${JSON.stringify({ approval, status, expiresAt: new Date(expiresAt).toISOString() })}\n`
    const response = this.#response
    if (response.destroyed || response.headersSent) return
    if (!response.req.complete) lastOfConnection(response)
    response
      .writeHead(202, {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'cache-control': 'no-store',
        ...(this.#atOurs && { location: `/claviger/v1/agents/self/approvals/${approval}` }),
        'preference-applied': 'respond-async',
        // No service can say this, so nobody takes a service's 202 for ours.
        'proxy-status': SENT_LATER,
        'claviger-request-id': rid,
      })
      .end(body)
  }

  refuse(problem: Problem, rid: string): void {
    sendProblem(this.#response, problem, rid)
  }
}
