// What the ways in have in common: name the caller, ask the gate, open the credential, forward, record how it went.
// Its invariant: every admission ends in exactly one outcome and is left, whatever fails in between.
import type { IncomingMessage } from 'node:http'
import type { OpenCall } from '../gate/open-calls.ts'
import type { AgentPrincipal, Answered, CallContents, Caller, CallRequest } from '../gate/rooms.ts'
import { SentLater } from '../gate/sent-later.ts'
import { isCredentialHeader } from '../ground/header-names.ts'
import type { CallId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import type { Target } from '../ground/target.ts'
import { httpProblem } from '../http/problems.ts'
import { readBody } from '../http/read-body.ts'
import { asProblem } from '../http/send-problem.ts'
import type { Permit } from '../policy/permit.ts'
import { boundOf } from './bound-caller.ts'
import { callerToken, holdsToken } from './caller-token.ts'
import { AskedCaller, asRaw } from './contents.ts'
import type { Forward, ForwardedService } from './forward.ts'
import type { Opened } from './inject.ts'
import type { Outcome } from './passage.ts'
import type { PlaceholderBook } from './placeholders/book.ts'
import { takenFromHead } from './placeholders/take-from-head.ts'
import { proxyProblem } from './problems.ts'
import type { Recipient } from './recipient.ts'
import type { BodyTransform } from './transform.ts'
import type { WebSocketAsked } from './websocket/handshake.ts'

/** What the gate gives for an admitted call. */
export interface Admitted {
  readonly permit: Permit
  readonly service: ForwardedService
  readonly open: OpenCall
  /** Of a call that a human was asked about. */
  readonly contents?: CallContents | undefined
  /** Of a call whose body rules looked into. */
  readonly read?: Pick<CallContents, 'body'> | undefined
}

export interface CarryOutOptions {
  /** May throw a Problem where the token wants more than to be shown. */
  readonly authenticate: (
    presented: string,
    request: IncomingMessage,
  ) => AgentPrincipal | { readonly kind: 'operator' | 'service' } | undefined
  readonly admit: (call: CallRequest, caller: Caller) => Promise<Admitted>
  /** How long callers of the native ways in are kept waiting for a human's answer, ms. */
  readonly holdMs?: number
  /** The vault: gives the credential and uses the permit up. */
  readonly open: (permit: Permit) => Opened | undefined
  /** Before `open`: what has to be done first, where there is something. */
  readonly prepare?: (permit: Permit) => Promise<void> | undefined
  /** Whether the permit's credential is one that can be renewed after a 401: then a small body is kept to be sent twice. */
  readonly renews?: (permit: Permit) => boolean
  /** Whether there is another token by now than the one that was refused. Never rejects. */
  readonly renew?: (opened: Opened, rid: CallId) => Promise<boolean>
  readonly forward: Forward
  /** What stands for credentials in what clients send; undefined where nothing does. */
  readonly placeholders?: Placeholding
  readonly nextRid: () => CallId
  /** For a service whose answers wait for their outcome to be on the disk: what puts it there. */
  readonly settling?: (
    permit: Permit,
    service: ForwardedService,
  ) => ((outcome: Outcome) => Promise<unknown>) | undefined
  /** Once for every permit. */
  readonly onOutcome: (permit: Permit, outcome: Outcome) => void
  /** Hears of what went wrong although nothing promised that it may. */
  readonly onBug: (error: unknown, rid: string) => void
}

export interface Placeholding {
  readonly book: PlaceholderBook
  /** Puts a refusal that the gate is not asked about on record. */
  readonly refused: (call: CallRequest, problem: Problem) => void
}

/** A call whose caller is known, and how it is to be sent on. */
export interface CarriedCall extends CallRequest {
  /** The caller's headers, names and values by turns. */
  readonly rawHeaders: readonly string[]
  readonly body: IncomingMessage | Buffer | undefined
  readonly recipient: Recipient
  readonly base: string | undefined
  /** What a body that streams passes through first, where the way in looks at it; it changes nothing of it. */
  readonly through?: BodyTransform | undefined
  /** How long the caller may be kept waiting for a human's answer, ms; undefined where it is told at once to come again. */
  readonly holdMs?: number | undefined
  /** Of the request that the call was said in, where that is another: what the caller prefers may stand there. */
  readonly outerHeaders?: readonly string[] | undefined
  /** It is sent for a caller that left, by this yes. */
  readonly answered?: Answered | undefined
  /** The token as it was shown, where it is a signed one, which nothing but its text tells from others': no copy of it goes on. */
  readonly presented?: string | undefined
  /** Present where the caller wants to go on with messages. */
  readonly webSocket?: WebSocketAsked | undefined
}

/** Who calls, as a call has it. */
export type CallingAgent = Pick<CarriedCall, 'principal' | 'presented'>

/** Throws Problem `unauthenticated`, `token_conflict` or, for an operator, `caller_refused`. */
export function callingAgent(options: CarryOutOptions, request: IncomingMessage): CallingAgent {
  // Who presents nothing is asked for all the same: an attempt without a token is on record like one with a wrong one.
  const shown = callerToken(request.rawHeaders, boundOf(request)?.token) ?? ''
  const principal = options.authenticate(shown, request)
  if (principal === undefined) throw httpProblem('unauthenticated')
  if (principal.kind !== 'agent') throw httpProblem('caller_refused')
  return { principal, presented: principal.token.kind === 'jwt' ? shown : undefined }
}

/** Never rejects: what goes wrong is answered. */
export async function carryOut(options: CarryOutOptions, came: CarriedCall, after?: FirstEnd): Promise<void> {
  let admitted: Admitted
  let asked = came
  try {
    if (options.placeholders !== undefined) asked = withoutPlaceholders(options.placeholders, came)
    refuseUnsendable(asked)
    admitted = await options.admit(asked, new AskedCaller(asked, options.placeholders?.book))
  } catch (error) {
    // A second try that is not admitted leaves the caller with what became of the first.
    refuse(options, asked.recipient, asked.rid, after === 'broke' ? proxyProblem('upstream_broke') : error)
    return
  }
  const { permit, service, open } = admitted
  const call = asShown(asked, admitted)
  const began = performance.now()
  try {
    const preparing = prepared(options, call, admitted, after)
    const { body } = preparing === undefined ? call : await preparing
    if (open.aborted !== undefined) throw proxyProblem('call_ended', { facts: { reason: open.aborted } })
    const opened = options.open(permit)
    const { rawHeaders, recipient, base, through, webSocket, presented } = call
    const sent = { rawHeaders, recipient, base, through, webSocket, presented }
    const onEnd = (outcome: Outcome) => {
      open.leave()
      options.onOutcome(permit, outcome)
    }
    const settle = options.settling?.(permit, service)
    const again = after !== undefined || hasStream(call) ? undefined : secondTry(options, call, open)
    const renew = after === undefined ? renewalOf(options, call, body, open, opened) : undefined
    const { onBug } = options
    const running = options.forward({ ...sent, body, permit, service, opened, settle, again, renew, onEnd, onBug })
    open.onAbort((reason) => running.abort(reason))
  } catch (error) {
    open.leave()
    const { code, status } = asProblem(error)
    const ms = Math.round(performance.now() - began)
    options.onOutcome(permit, { status, bytesIn: 0, bytesOut: 0, ms, error: code, echoes: 0 })
    refuse(options, call.recipient, call.rid, error)
  }
}

function withoutPlaceholders({ book, refused }: Placeholding, call: CarriedCall): CarriedCall {
  try {
    return takenFromHead(call, book)
  } catch (error) {
    if (error instanceof Problem) refused(call, error)
    throw error
  }
}

/** What a human was shown is sent, and nothing else of the caller's. */
function asShown(call: CarriedCall, { contents, read }: Admitted): CarriedCall {
  if (contents === undefined) return read === undefined ? call : { ...call, body: read.body }
  return { ...call, body: contents.body, rawHeaders: asRaw(contents) }
}

/** Where credentials stand they are dropped; anywhere else a copy would reach the service. */
function refuseCopies({ target, rawHeaders }: CarriedCall, presented: string): void {
  const inTarget = target.path.includes(presented) || target.query.includes(presented)
  if (inTarget) throw proxyProblem('token_misplaced', { detail: 'It stands in the target.' })
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    if (isCredentialHeader(name) || !(rawHeaders[at + 1] as string).includes(presented)) continue
    throw proxyProblem('token_misplaced', { detail: `It stands in '${name}'.` })
  }
}

/** Before the credential is opened. Undefined, and so without another turn, where nothing has to be waited for. */
function prepared(
  { renews, prepare }: CarryOutOptions,
  call: CarriedCall,
  { permit, service }: Admitted,
  after: FirstEnd | undefined,
): Promise<CarriedCall> | undefined {
  if (after === undefined && renews?.(permit) === true && hasStream(call)) {
    return withBody(call, service).then(async (whole) => {
      await prepare?.(permit)
      return whole
    })
  }
  return prepare?.(permit)?.then(() => call)
}

/** How a first try ended that has a second. */
type FirstEnd = 'broke' | 'renewed'

/**
 * A call whose connection broke before any answer, or whose credential was renewed after a 401, is admitted again, once,
 * under an id of its own.
 */
function tryAgain(options: CarryOutOptions, call: CarriedCall, firstTry: OpenCall, end: FirstEnd): void {
  void carryOut(options, { ...call, rid: options.nextRid(), firstTry }, end)
}

/** After a failure before any answer: what surely was not looked at goes again, what broke only if that changes nothing. */
function secondTry(options: CarryOutOptions, call: CarriedCall, open: OpenCall) {
  const again = () => tryAgain(options, call, open, 'broke')
  return ({ code }: Problem) => {
    if (code === 'upstream_unprocessed') return again
    return code === 'upstream_broke' && isSafe(call) ? again : undefined
  }
}

/** What is done about a 401. A call whose body is gone has the token renewed all the same: for the next one. */
function renewalOf(
  options: CarryOutOptions,
  call: CarriedCall,
  body: CarriedCall['body'],
  open: OpenCall,
  opened: Opened | undefined,
) {
  const { renew } = options
  if (renew === undefined || opened?.generation === undefined) return undefined
  return async () => {
    const renewed = renew(opened, call.rid)
    if (hasStream({ body })) return undefined
    return (await renewed) ? () => tryAgain(options, { ...call, body }, open, 'renewed') : undefined
  }
}

/** Bytes of body that are kept for a second try. */
const MAX_KEPT = 64 * 1024

/** A small body whose length is known is read before it is sent. */
async function withBody(call: CarriedCall, { timeouts }: ForwardedService): Promise<CarriedCall> {
  const { body } = call
  if (body === undefined || Buffer.isBuffer(body) || !hasStream(call)) return call
  const length = Number(body.headers['content-length'] ?? Number.NaN)
  if (!(length <= MAX_KEPT) || body.headers.expect !== undefined) return call
  return { ...call, body: await readBody(body, { maxBytes: MAX_KEPT, idleMs: timeouts.idleMs }) }
}

/** Whether there is a body that has to be taken from the caller's connection. */
function hasStream({ body }: Pick<CarriedCall, 'body'>): boolean {
  if (body === undefined || Buffer.isBuffer(body)) return false
  const { headers } = body
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Safe methods without a body (RFC 9110 §9.2.1): to send them twice changes nothing. */
function isSafe({ method, body }: CarriedCall): boolean {
  return (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') && !Buffer.isBuffer(body)
}

/** Answers with what was thrown. */
export function refuse(
  options: CarryOutOptions,
  recipient: Pick<Recipient, 'refuse' | 'accept'>,
  rid: string,
  error: unknown,
): void {
  if (error instanceof SentLater && recipient.accept !== undefined) {
    recipient.accept(error, rid)
    return
  }
  if (!(error instanceof Problem)) options.onBug(error, rid)
  recipient.refuse(asProblem(error), rid)
}

function refuseUnsendable(call: CarriedCall): void {
  refuseMethod(call.method)
  refuseToken(call.target)
  if (call.presented !== undefined) refuseCopies(call, call.presented)
}

/** Methods that a gateway would have to answer itself, or that send back what they were sent (RFC 9110 §9.3.6, §9.3.8). */
function refuseMethod(method: string): void {
  if (method === 'TRACE' || method === 'CONNECT' || method === 'TRACK') throw httpProblem('method_refused')
}

function refuseToken({ path, query }: Target): void {
  if (holdsToken(path) || holdsToken(query))
    throw proxyProblem('token_misplaced', { detail: 'It stands in the target.' })
}
