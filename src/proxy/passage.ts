// One call on its way: what the connection to the service says, turned into what the caller gets. Its invariant: it ends
// exactly once, with one outcome; an answer that is not whole never looks whole; whoever leaves stops the other side.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Problem } from '../ground/problem.ts'
import { asProblem, sendProblem } from '../http/send-problem.ts'
import { Answer } from './answer.ts'
import type { AnswerFilter } from './answer-filter.ts'
import type { CallEnd } from './breaker.ts'
import { proxyProblem } from './problems.ts'
import { type ParsedHeaders, responseHead, responseReason } from './response-head.ts'
import type { SilenceWatch, Watched } from './silence.ts'
import type { BodyTransform } from './transform.ts'
import { upstreamProblem } from './upstream-error.ts'

/** How a call went, for the record. */
export interface Outcome {
  /** What the caller was answered; 0 if it left before there was an answer. */
  readonly status: number
  /** Body bytes sent to the service. */
  readonly bytesIn: number
  /** Body bytes handed to the caller. */
  readonly bytesOut: number
  readonly ms: number
  /** A permanent code; undefined when the answer was the service's and whole. */
  readonly error: string | undefined
  /** How often the answer held a secret that was taken out. */
  readonly echoes: number
  /** It is on the disk already: the answer waited for that. */
  readonly recorded?: true
}

export interface PassageOptions {
  readonly rid: string
  readonly response: ServerResponse
  readonly filter: AnswerFilter
  readonly watch: SilenceWatch
  /** Milliseconds of silence: until the head of the answer, and within bodies. */
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly idleMs: number }
  readonly isCutting: () => boolean
  /** Puts the outcome on the disk; the last byte of the answer waits for it (`auditMode: strict`), but for event streams. */
  readonly settle?: ((outcome: Outcome) => Promise<unknown>) | undefined
  readonly onEnd: (outcome: Outcome, end: CallEnd) => void
}

type Phase = 'dialling' | 'sending' | 'waiting' | 'answering' | 'over'

const RESOLVE_MS = 3_000
const INTERIM = 200

export class Passage implements Dispatcher.DispatchHandler, Watched {
  readonly #options: PassageOptions
  readonly #answer: Answer
  readonly #began = performance.now()
  #phase: Phase = 'dialling'
  #controller: Dispatcher.DispatchController | undefined
  #body: IncomingMessage | undefined
  #status = 0
  #bytesIn = 0
  #transform: BodyTransform | undefined
  /** Chunks that came while the transform was at work. */
  #waiting: Buffer[] | undefined
  #trailers: ParsedHeaders | undefined
  #untilClosed = false
  #recorded = false
  movedAt: number
  place = -1

  constructor(options: PassageOptions) {
    this.#options = options
    this.#answer = new Answer(options.response)
    this.movedAt = options.watch.now
    options.watch.add(this)
    options.response.on('close', () => this.callerLeft())
  }

  /** The request's body is sent on while it comes in. */
  streams(body: IncomingMessage): void {
    this.#body = body
  }

  /** The request's body is collected before anything is sent. */
  collects(body: IncomingMessage): void {
    this.#body = body
    this.#phase = 'sending'
  }

  /** The body is there, the way to the service begins. */
  dials(): void {
    this.#body = undefined
    if (this.#phase !== 'over') this.#phase = 'dialling'
    this.#moved()
  }

  get over(): boolean {
    return this.#phase === 'over'
  }

  /** Ends the call from outside. */
  abort(reason: string): void {
    this.fail(proxyProblem('call_ended', { facts: { reason } }), 'neutral')
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#phase === 'over') {
      controller.abort(new Error('over'))
      return
    }
    this.#controller = controller
    this.#phase = this.#body === undefined ? 'waiting' : 'sending'
    this.#moved()
  }

  onBodySent(chunk: Buffer): void {
    this.#bytesIn += chunk.length
    this.#moved()
  }

  onRequestSent(): void {
    if (this.#phase === 'sending') this.#phase = 'waiting'
    this.#moved()
  }

  onResponseStart(_: unknown, status: number, headers: ParsedHeaders, text?: string): void {
    this.#moved()
    if (status < INTERIM || this.#phase === 'over') return
    const { filter, rid } = this.#options
    this.#phase = 'answering'
    this.#status = status
    try {
      this.#transform = filter.body(status, headers)
      const flat = responseHead(headers, filter)
      flat.push('claviger-request-id', rid)
      const length = headers['content-length']
      // Ends where the connection does: a cut looks like an end, but for how the connection closed.
      this.#untilClosed = length === undefined && headers['transfer-encoding'] === undefined
      this.#answer.begin({
        status,
        reason: responseReason(text, filter),
        headers: flat,
        length: typeof length === 'string' && this.#lengthHolds(status) ? length : undefined,
        trailers: headers.trailer !== undefined,
        keepsLast: this.#options.settle !== undefined && !isEventStream(headers),
      })
    } catch (error) {
      this.fail(asProblem(error), 'answered')
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#phase === 'over') return
    this.#moved()
    if (this.#waiting !== undefined) this.#waiting.push(chunk)
    else this.#pass(controller, chunk)
  }

  onResponseEnd(_: unknown, trailers: ParsedHeaders): void {
    if (this.#phase === 'over') return
    if (this.#untilClosed && this.#options.isCutting()) {
      this.fail(proxyProblem('upstream_broke', { detail: 'Reason: RESET.' }), 'failed')
      return
    }
    this.#trailers = trailers
    if (this.#waiting === undefined) this.#flush()
  }

  onResponseError(_: unknown, error: unknown): void {
    this.fail(upstreamProblem(error, this.#controller !== undefined), 'failed')
  }

  limitMs(): number {
    const { connectMs, headersMs, idleMs } = this.#options.timeouts
    if (this.#phase === 'dialling') return connectMs + RESOLVE_MS
    return this.#phase === 'waiting' ? headersMs : idleMs
  }

  silent(): void {
    if (this.#phase === 'dialling') this.fail(proxyProblem('upstream_connect_timeout'), 'failed')
    else if (this.#answer.blocked) this.fail(proxyProblem('caller_timeout'), 'neutral')
    else if (this.#phase === 'sending' && this.#body?.isPaused() === false) {
      this.fail(proxyProblem('caller_timeout'), 'neutral')
    } else this.fail(proxyProblem('upstream_timeout'), 'failed')
  }

  /** Ends the call with a problem: as an answer while there is none, else by cutting the connection. */
  fail(problem: Problem, end: CallEnd): void {
    if (this.#phase === 'over') return
    const { response, rid } = this.#options
    const cut = this.#answer.sent
    if (cut) this.#answer.cut()
    this.#finish(cut ? this.#status : problem.status, problem.code, end)
    this.#stop(problem)
    if (cut) return
    this.#answer.drop()
    sendProblem(response, problem, rid)
  }

  /** Whether the length that the service declared is that of what the caller gets. */
  #lengthHolds(status: number): boolean {
    const { filter, response } = this.#options
    if (this.#transform !== undefined || filter.rewritten) return false
    return !filter.bodiless(status) || status === 304 || response.req.method === 'HEAD'
  }

  #pass(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    let wait: void | Promise<void>
    try {
      wait = this.#transform === undefined ? this.#answer.write(chunk) : this.#transform.push(chunk, this.#emit)
    } catch (error) {
      this.fail(asProblem(error), 'answered')
      return
    }
    if (wait === undefined) return
    controller.pause()
    this.#waiting = []
    wait.then(
      () => this.#passOn(controller),
      (error) => this.fail(asProblem(error), 'answered'),
    )
  }

  /** The caller is ready again: what came meanwhile goes first, then the service may go on. */
  #passOn(controller: Dispatcher.DispatchController): void {
    if (this.#phase === 'over') return
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#moved()
    while (waiting.length > 0 && !this.over) {
      this.#pass(controller, waiting.shift() as Buffer)
      if (this.#waiting === undefined) continue
      this.#waiting = waiting
      return
    }
    if (this.over) return
    if (this.#trailers !== undefined) this.#flush()
    else controller.resume()
  }

  #flush(): void {
    try {
      const wait = this.#transform?.flush(this.#emit)
      if (wait === undefined) this.#complete()
      else {
        this.#waiting = []
        wait.then(
          () => this.#complete(),
          (error) => this.fail(asProblem(error), 'answered'),
        )
      }
    } catch (error) {
      this.fail(asProblem(error), 'answered')
    }
  }

  #complete(): void {
    if (this.#phase === 'over') return
    if (this.#options.settle !== undefined && !this.#recorded) {
      this.#settleFirst(this.#options.settle)
      return
    }
    const trailers = this.#trailers ?? {}
    this.#answer.end(responseHead(trailers, this.#options.filter))
    this.#finish(this.#status, undefined, 'answered')
    this.#transform?.destroy?.()
  }

  #settleFirst(settle: (outcome: Outcome) => Promise<unknown>): void {
    this.#recorded = true
    this.#waiting = []
    settle(this.#outcome(this.#status, undefined)).then(
      () => this.#complete(),
      (error) => this.fail(asProblem(error), 'neutral'),
    )
  }

  /** The caller is gone: the service is stopped, and there is nobody to answer. */
  callerLeft(): void {
    if (this.#phase === 'over') return
    this.#finish(this.#status, 'caller_left', 'neutral')
    this.#answer.drop()
    this.#stop(new Error('the caller left'))
  }

  #stop(reason: Error): void {
    this.#transform?.destroy?.()
    this.#controller?.abort(reason)
  }

  #finish(status: number, error: string | undefined, end: CallEnd): void {
    this.#phase = 'over'
    this.#options.watch.remove(this)
    this.#options.onEnd(this.#outcome(status, error), end)
  }

  #outcome(status: number, error: string | undefined): Outcome {
    const ms = Math.round(performance.now() - this.#began)
    const told = {
      status,
      bytesIn: this.#bytesIn,
      bytesOut: this.#answer.bytes,
      ms,
      error,
      echoes: this.#options.filter.hits,
    }
    return this.#recorded ? { ...told, recorded: true } : told
  }

  #moved(): void {
    this.movedAt = this.#options.watch.now
  }

  readonly #emit = (chunk: Buffer): void | Promise<void> => this.#answer.write(chunk)
}

function isEventStream(headers: ParsedHeaders): boolean {
  const type = headers['content-type']
  return typeof type === 'string' && type.toLowerCase().startsWith('text/event-stream')
}
