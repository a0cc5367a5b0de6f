// One call on its way: what the connection to the service says, turned into what the caller gets. Its invariant: it ends
// exactly once, with one outcome; an answer that is not whole never looks whole; whoever leaves stops the other side.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { Problem } from '../ground/problem.ts'
import { asProblem } from '../http/send-problem.ts'
import { BodyFlow, type FlowOwner } from './body-flow.ts'
import type { CallEnd } from './breaker.ts'
import type { Outcome } from './outcome.ts'
import type { PassageOptions } from './passage-options.ts'
import { proxyProblem } from './problems.ts'
import type { Writable } from './recipient.ts'
import { isEventStream, type ParsedHeaders, responseHead, responseReason } from './response-head.ts'
import type { Watched } from './silence.ts'
import { endOf, upstreamProblem } from './upstream-error.ts'

export type { Outcome } from './outcome.ts'

type Controller = Dispatcher.DispatchController
type Phase = 'dialling' | 'sending' | 'waiting' | 'answering' | 'over'

const RESOLVE_MS = 3_000
const INTERIM = 200
const REFUSED = 401
const SWITCHED = 101
/** Longer than a token is waited for, another process's lease included. */
const RENEWAL_MS = 45_000

export class Passage implements Dispatcher.DispatchHandler, FlowOwner, Watched {
  readonly #options: PassageOptions
  readonly #answer: Writable
  readonly #began = performance.now()
  #phase: Phase = 'dialling'
  #controller: Controller | undefined
  #body: IncomingMessage | undefined
  #status = 0
  #bytesIn = 0
  #flow: BodyFlow | undefined
  #trailers: ParsedHeaders = {}
  #untilClosed = false
  #recorded = false
  #renewing = false
  #handedTo: ((reason: string) => void) | undefined
  movedAt: number
  place = -1

  constructor(options: PassageOptions) {
    this.#options = options
    this.#answer = options.recipient.answer((error) => this.broke(error))
    this.movedAt = options.watch.now
    options.watch.add(this)
    options.recipient.onGone(() => this.callerLeft())
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
    this.moved()
  }

  get over(): boolean {
    return this.#phase === 'over'
  }

  /** Ends the call from outside. */
  abort(reason: string): void {
    if (this.#handedTo !== undefined) this.#handedTo(reason)
    else this.fail(proxyProblem('call_ended', { facts: { reason } }), 'neutral')
  }

  onRequestStart(controller: Controller): void {
    if (this.#phase === 'over') {
      controller.abort(new Error('over'))
      return
    }
    this.#controller = controller
    this.#phase = this.#body === undefined ? 'waiting' : 'sending'
    this.moved()
  }

  onBodySent(chunk: Buffer): void {
    this.#bytesIn += chunk.length
    this.moved()
  }

  onRequestSent(): void {
    if (this.#phase === 'sending') this.#phase = 'waiting'
    this.moved()
  }

  onRequestUpgrade(controller: Controller, _: number, headers: ParsedHeaders, service: Socket): void {
    controller.rawHeaders = null
    const { switched } = this.#options
    if (this.#phase === 'over' || switched === undefined) service.destroy()
    else switched(headers, service)
  }

  /** Both connections are another's from here on, and `abort` what ends it from outside. Gives what ends the call, and how it went. */
  handOver(abort: (reason: string) => void) {
    this.#handedTo = abort
    this.#phase = 'over'
    this.#options.watch.remove(this)
    const { settle, onEnd } = this.#options
    const outcome = (told: Omit<Outcome, 'status' | 'ms'>): Outcome => {
      const { ms, echoes } = this.#outcome(SWITCHED, undefined)
      return { ...told, status: SWITCHED, ms, echoes: echoes + told.echoes }
    }
    return { settle, onEnd, outcome }
  }

  onResponseStart(controller: Controller, status: number, headers: ParsedHeaders, text?: string): void {
    // They are pieces of what was read with them: 64 KiB, kept for as long as the call goes on.
    controller.rawHeaders = null
    this.moved()
    if (status < INTERIM || this.#phase === 'over') return
    const { filter, rid } = this.#options
    this.#phase = 'answering'
    this.#renewing = false
    this.#status = status
    try {
      const flow = new BodyFlow(this.#answer, filter.body(status, headers), this)
      this.#flow = flow
      const flat = responseHead(headers, filter)
      flat.push('claviger-request-id', rid)
      const length = headers['content-length']
      // Ends where the connection does: a cut looks like an end, but for how the connection closed.
      this.#untilClosed = length === undefined && headers['transfer-encoding'] === undefined
      this.#answer.begin({
        status,
        reason: responseReason(text, filter),
        headers: flat,
        length: typeof length === 'string' && this.#lengthHolds(status, flow) ? length : undefined,
        trailers: headers.trailer !== undefined,
        keepsLast: this.#options.settle !== undefined && !isEventStream(headers),
      })
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#phase === 'over') return
    this.moved()
    this.#flow?.push(controller, chunk)
  }

  onResponseEnd(_: unknown, trailers: ParsedHeaders): void {
    if (this.#phase === 'over') return
    if (this.#untilClosed && this.#options.isCutting()) {
      this.fail(proxyProblem('upstream_broke', { detail: 'Reason: RESET.' }), 'failed')
      return
    }
    this.#trailers = trailers
    this.#flow?.end()
  }

  onResponseError(_: unknown, error: unknown): void {
    const problem = upstreamProblem(error, this.#controller !== undefined)
    if (problem.code === 'internal_error') this.#options.onBug(error)
    this.fail(problem, endOf(problem))
  }

  /** Ends the call for something thrown on the way. */
  broke(error: unknown, end: CallEnd = 'answered'): void {
    if (!(error instanceof Problem)) this.#options.onBug(error)
    this.fail(asProblem(error), end)
  }

  limitMs(): number {
    if (this.#renewing) return RENEWAL_MS
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
    const { recipient, rid } = this.#options
    const again = this.#phase === 'waiting' ? this.#options.again?.(problem) : undefined
    if (again !== undefined) {
      this.#leave(again, 0, problem.code, 'neutral')
      return
    }
    const cut = this.#answer.sent
    if (cut) this.#answer.cut()
    this.#finish(cut ? this.#status : problem.status, problem.code, end)
    this.#stop(problem)
    if (cut) return
    this.#answer.drop()
    recipient.refuse(problem, rid)
  }

  /** The service refused the credential, and another is had. */
  renews(): void {
    this.#renewing = true
    this.moved()
  }

  /** There is another: this call ends here, and `again` makes it anew. */
  leaveTo(again: () => void): void {
    this.#leave(again, REFUSED, 'credential_renewed', 'answered')
  }

  #leave(again: () => void, status: number, code: string, end: CallEnd): void {
    this.#finish(status, code, end)
    this.#stop(new Error(code))
    this.#answer.drop()
    again()
  }

  moved(): void {
    this.movedAt = this.#options.watch.now
  }

  flowed(): void {
    if (this.#phase === 'over') return
    if (this.#options.settle !== undefined && !this.#recorded) {
      this.#settleFirst(this.#options.settle)
      return
    }
    this.#answer.end(responseHead(this.#trailers, this.#options.filter))
    this.#finish(this.#status, undefined, 'answered')
    this.#flow?.stop()
  }

  /** Whether the length that the service declared is that of what the caller gets. */
  #lengthHolds(status: number, flow: BodyFlow): boolean {
    const { filter, recipient } = this.#options
    if (flow.transforms || filter.rewritten) return false
    return !filter.bodiless(status) || status === 304 || recipient.headOnly
  }

  #settleFirst(settle: (outcome: Outcome) => Promise<unknown>): void {
    this.#recorded = true
    settle(this.#outcome(this.#status, undefined))
      .then(() => this.flowed())
      .catch((error) => this.broke(error, 'neutral'))
  }

  /** The caller is gone: the service is stopped, and there is nobody to answer. */
  callerLeft(): void {
    if (this.#phase === 'over') return
    this.#finish(this.#status, 'caller_left', 'neutral')
    this.#answer.drop()
    this.#stop(new Error('the caller left'))
  }

  #stop(reason: Error): void {
    this.#flow?.stop()
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
}
