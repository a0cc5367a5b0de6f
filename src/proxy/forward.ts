// Carries an admitted call out: heads by rule, the credential attached last, both bodies streamed, one outcome.
// It decides nothing; it refuses what cannot be sent unambiguously, and sends nothing without a permit.
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { AddressSet } from '../ground/addresses.ts'
import type { ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import type { Problem } from '../ground/problem.ts'
import { readBody } from '../http/read-body.ts'
import type { Permit } from '../policy/permit.ts'
import { AnswerFilter, askedEncoding } from './answer-filter.ts'
import type { Breakers, CallEnd } from './breaker.ts'
import type { Dialer } from './dial.ts'
import { type Injection, type Injector, injectorFor, type Opened } from './inject.ts'
import { type Outcome, Passage } from './passage.ts'
import type { MarkWatch } from './placeholders/mark-scan.ts'
import type { Recipient } from './recipient.ts'
import { RefusedAnswer, type Renew } from './refused-answer.ts'
import { type OutgoingHead, outgoingHead } from './request-head.ts'
import { outgoingTrailers } from './request-trailers.ts'
import type { SecretMatcher } from './scrub/matcher.ts'
import type { SilenceWatch } from './silence.ts'
import { type BodyTransform, chained } from './transform.ts'
import { transformedBody, transformedWhole } from './transformed-body.ts'
import type { FrameLimits } from './websocket/frame-reader.ts'
import { ServiceHandshake, type WebSocketAsked } from './websocket/handshake.ts'
import { type SwitchOptions, switchOver, usualFrameLimits } from './websocket/switch-over.ts'

/** What forwarding needs to know of a service. Times in milliseconds of silence, not of the whole call. */
export interface ForwardedService {
  readonly id: ServiceId
  readonly name: string
  readonly origins: readonly Origin[]
  readonly injection: Injection | undefined
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly idleMs: number }
  readonly allowed: AddressSet | undefined
  readonly trust?: readonly string[] | undefined
  /** Whether it may be spoken to in HTTP/2. */
  readonly http2?: boolean
  /** Whether answers are searched for the credential; off only under `unsafeNoScrub`. */
  readonly scrub: boolean
  /** Whether the outcome is on the disk before the answer's last byte goes out. */
  readonly strictAudit: boolean
  /** Members of bodies in which a placeholder may stand. */
  readonly bodyFields?: ReadonlySet<string> | undefined
}

export interface ForwardRequest {
  readonly permit: Permit
  readonly service: ForwardedService
  readonly opened: Opened | undefined
  /** The caller's headers, names and values by turns. */
  readonly rawHeaders: readonly string[]
  /** The request whose body is sent on, or a body that is already there. */
  readonly body: IncomingMessage | Buffer | undefined
  readonly recipient: Recipient
  /** The caller's token, where no copy of it may go on. */
  readonly presented?: string | undefined
  /** Present where the caller wants to go on with messages. */
  readonly webSocket?: WebSocketAsked | undefined
  /** `/to/<service>`, where redirects within the service come back to; undefined to give them as they are. */
  readonly base: string | undefined
  /** What the request's body passes through first, where the way in looks at it; it changes nothing of it. */
  readonly through?: BodyTransform | undefined
  /** Puts the outcome on the disk before the answer's last byte goes out; undefined where nothing waits for that. */
  readonly settle?: ((outcome: Outcome) => Promise<unknown>) | undefined
  /** How the call is made again after a failure before any answer; undefined where it must not run twice. */
  readonly again?: ((problem: Problem) => (() => void) | undefined) | undefined
  /** After a 401, where the credential can be renewed: finds out whether to make the call again. */
  readonly renew?: Renew | undefined
  /** Called once, when the call is over. */
  readonly onEnd: (outcome: Outcome) => void
  /** Hears of what went wrong although nothing promised that it may. */
  readonly onBug?: (error: unknown, rid: string) => void
}

/** A call under way. */
export interface RunningCall {
  /** Stops it now: an answer in its middle is cut. */
  abort(reason: string): void
}

export interface ForwarderOptions {
  readonly dialer: Dialer
  readonly breakers: Breakers
  readonly watch: SilenceWatch
  /** What to search the answer for; undefined where nothing is. */
  readonly matcherFor: (
    service: ForwardedService,
    opened: Opened | undefined,
    /** What was made of the secret for this request alone: signatures. */
    derived?: readonly string[],
  ) => SecretMatcher | undefined
  /**
   * What the request's body passes through before it is signed or sent; undefined to send it as it came. `whole`: the body, where
   * it is there already.
   */
  readonly requestTransform?: (
    service: ForwardedService,
    permit: Permit,
    opened: Opened | undefined,
    /** Those that go on, names and values by turns. */
    headers: readonly string[],
    whole: Buffer | undefined,
  ) => BodyTransform | undefined
  /** Other ways to attach a credential than the services room knows. */
  readonly injectorFor?: (injection: Injection) => Injector
  readonly frameLimits?: FrameLimits
  /** What callers must not send in messages; asked once for each WebSocket. */
  readonly markWatch?: () => MarkWatch | undefined
}

const MAX_SIGNED = 1024 * 1024
const NO_BODY = Buffer.alloc(0)

export type Forward = (request: ForwardRequest) => RunningCall

/** Forwarding as one function. It never throws: what goes wrong is answered, and told to `onEnd`. */
export function createForward(options: ForwarderOptions): Forward {
  return (request) => {
    const { permit, service, opened, recipient, webSocket } = request
    const handshake = webSocket && new ServiceHandshake(webSocket)
    const matcher = options.matcherFor(service, opened)
    const breaker = options.breakers.of(service.id)
    let counted = false
    const filter = new AnswerFilter(matcher, permit.call, service.origins, request.base)
    const passage: Passage = new Passage({
      rid: permit.call.rid,
      recipient,
      timeouts: service.timeouts,
      watch: options.watch,
      isCutting: () => options.dialer.isCutting(),
      filter,
      settle: request.settle,
      again: request.again,
      switched:
        handshake &&
        ((headers, socket) => switchOver(switching(options, request, passage, filter, handshake), headers, socket)),
      onEnd: (outcome: Outcome, end: CallEnd) => {
        if (counted) breaker.leave(end === 'failed' && isChosen(permit, service) ? 'neutral' : end)
        request.onEnd(outcome)
      },
      onBug: (error) => request.onBug?.(error, permit.call.rid),
    })
    try {
      if (recipient.gone) passage.callerLeft()
      else {
        breaker.enter()
        counted = true
        prepare(options, request, passage, filter, askedEncoding(matcher), handshake)
      }
    } catch (error) {
      passage.broke(error, 'neutral')
    }
    return passage
  }
}

function switching(
  { watch, frameLimits: limits = usualFrameLimits, markWatch: watched }: ForwarderOptions,
  { permit, service, webSocket, onBug }: ForwardRequest,
  passage: Passage,
  filter: AnswerFilter,
  handshake: ServiceHandshake,
): SwitchOptions {
  const { rid } = permit.call
  const { idleMs } = service.timeouts
  const asked = webSocket as WebSocketAsked
  const given = { rid, asked, handshake, passage, filter, watch, limits, idleMs }
  return { ...given, markWatch: watched?.(), onBug: (error) => onBug?.(error, rid) }
}

/** Whether the caller chose the host, under a wildcard: that it fails must not rest the service for everybody. */
function isChosen({ call: { origin } }: Permit, { origins }: ForwardedService): boolean {
  return !origins.some(({ href }) => href === origin.href)
}

function prepare(
  options: ForwarderOptions,
  request: ForwardRequest,
  passage: Passage,
  filter: AnswerFilter,
  acceptEncoding: (requested: string | undefined) => string | undefined,
  handshake: ServiceHandshake | undefined,
): void {
  const { permit, service, opened } = request
  if ((service.injection === undefined) !== (opened === undefined)) throw new TypeError('forward: credential mismatch')
  const injector = service.injection === undefined ? undefined : (options.injectorFor ?? injectorFor)(service.injection)
  const head = outgoingHead(permit.call, request.rawHeaders, injector?.headers ?? [], acceptEncoding)
  if (handshake !== undefined) head.headers.push(...handshake.headers)
  const body = bodyOf(head, request.body)
  // Of an empty body, too, whoever looks at it has its say.
  if (body === null) void request.through?.flush(() => undefined)
  const transform = body === null ? undefined : transformOf(options, request, head, body)
  // Servers that want a length get one, where it can be had at little cost.
  const collects = transform !== undefined && (Buffer.isBuffer(body) || isSmallAndChanges(transform, head))
  const needsBody = injector?.needsBody === true && injector.streams?.(head) !== true
  if (transform !== undefined && transform.keepsLength !== true) head.contentLength = undefined
  const attach = (whole?: Buffer) => {
    if (opened === undefined) return
    const derived = injector?.apply(head, opened, whole)
    if (derived !== undefined) filter.seek(options.matcherFor(service, opened, derived))
  }
  if (!needsBody && !collects) {
    attach()
    send(options.dialer, request, passage, head, body, transform)
    return
  }
  wholeBody(head, body, request, passage, transform)
    .then((whole) => {
      attach(needsBody ? whole : undefined)
      send(options.dialer, request, passage, head, whole.length === 0 ? null : whole, undefined)
    })
    .catch((error) => passage.broke(error, 'neutral'))
}

function transformOf(
  { requestTransform }: ForwarderOptions,
  { service, permit, opened, through }: ForwardRequest,
  { headers }: OutgoingHead,
  body: IncomingMessage | Buffer,
): BodyTransform | undefined {
  if (requestTransform === undefined) return through
  return bothOf(through, requestTransform(service, permit, opened, headers, Buffer.isBuffer(body) ? body : undefined))
}

/** Bytes of a body that changes on its way and is collected for it. */
const MAX_COLLECTED = 64 * 1024

function isSmallAndChanges({ keepsLength }: BodyTransform, { contentLength }: OutgoingHead): boolean {
  return keepsLength !== true && Number(contentLength ?? Number.NaN) <= MAX_COLLECTED
}

function send(
  dialer: Dialer,
  { permit, service, opened, recipient, renew, webSocket, presented }: ForwardRequest,
  passage: Passage,
  head: OutgoingHead,
  body: IncomingMessage | Buffer | null,
  transform: BodyTransform | undefined,
): void {
  if (passage.over) return
  const { method, target: path, headers, trailers } = head
  let sent: Readable | Buffer | null = body
  let fieldsBehind: (() => readonly string[]) | undefined
  if (body !== null && !Buffer.isBuffer(body)) {
    passage.streams(body)
    if (transform !== undefined) sent = transformedBody(body, transform)
    if (head.contentLength !== undefined) headers.push('content-length', head.contentLength)
    if (head.expectsContinue) recipient.invite()
    if (head.chunked) fieldsBehind = () => outgoingTrailers(body.rawTrailers, head, presented)
  }
  const handler = renew === undefined ? passage : new RefusedAnswer(passage, renew)
  const upgrade = webSocket && ('websocket' as const)
  const request = { method, path, headers, body: sent, trailers, fieldsBehind, upgrade }
  dialer.dispatch(permit, opened, service, request, handler)
}

function bothOf(one: BodyTransform | undefined, other: BodyTransform | undefined): BodyTransform | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return { ...chained([one, other]), keepsLength: one.keepsLength === true && other.keepsLength === true }
}

/** A body that has arrived whole is sent as one buffer; one that is still coming, or has fields behind it, is streamed. */
function bodyOf(head: OutgoingHead, body: IncomingMessage | Buffer | undefined): IncomingMessage | Buffer | null {
  if (body === undefined) return null
  if (Buffer.isBuffer(body)) return body.length === 0 ? null : body
  if (!head.chunked && (head.contentLength === undefined || /^0+$/.test(head.contentLength))) return null
  return body.complete && body.rawTrailers.length === 0 ? (body.read() as Buffer | null) : body
}

async function wholeBody(
  head: OutgoingHead,
  body: IncomingMessage | Buffer | null,
  { recipient, service }: ForwardRequest,
  passage: Passage,
  transform: BodyTransform | undefined,
): Promise<Buffer> {
  let whole: Buffer = NO_BODY
  if (Buffer.isBuffer(body)) whole = body
  else if (body !== null) {
    passage.collects(body)
    if (head.expectsContinue) recipient.invite()
    whole = await readBody(body, { maxBytes: MAX_SIGNED, idleMs: service.timeouts.idleMs })
    passage.dials()
  }
  return transform === undefined ? whole : transformedWhole(whole, transform)
}
