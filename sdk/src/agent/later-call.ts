// A call that is left with the gateway (RFC 7240 respond-async): it is sent once a human said yes, and its answer is there to fetch.
import { fromBase64 } from '../bytes.ts'
import { ClavigerError, hasCode } from '../claviger-error.ts'
import { refusalOf } from '../errors/families.ts'
import { pause } from '../pause.ts'
import type { FetchHeaders } from '../platform.ts'
import { isObject } from '../strict-json.ts'
import { type Answered, invalidAnswer, Wire } from '../wire.ts'
import { type Approval, type Approvals, mayPass, pauseAfter, type WaitOptions } from './approvals.ts'
import { type Caller, is401 } from './call.ts'
import { ServiceAnswer } from './service-answer.ts'
import { type CallOptions, callService } from './service-call.ts'

export interface LaterOptions extends CallOptions {
  /**
   * One for each thing to be done. Where the connection breaks before there is an id, the identical call with the same key gives it: nobody is
   * asked twice, and nothing is sent twice.
   */
  readonly idempotencyKey?: string
}

export type AnswerOptions = WaitOptions

export interface LaterCall {
  /** To come back with: `answerTo(approvalId)`, in another process too. Undefined where nobody had to be asked. */
  readonly approvalId: string | undefined
  /** What the service answered, once there is a yes and the call was sent. Throws as `answerTo()` does. */
  answer(options?: AnswerOptions): Promise<ServiceAnswer>
}

/** What the gateway keeps is 1 MiB, here in base64 and with its headers. */
const MAX_ANSWER_BYTES = 2 * 1_048_576
const LONGEST_PAUSE_MS = 2_000
/** They say that there is none (RFC 9110 §6.4.1), and `Response` takes none for them. */
const BODILESS = new Set([204, 205, 304])

export async function callLater(
  caller: Caller,
  baseUrl: string,
  approvals: Approvals,
  service: string,
  { idempotencyKey, ...options }: LaterOptions,
): Promise<LaterCall> {
  const headers = new Headers(options.headers as FetchHeaders | undefined)
  if (!/\brespond-async\b/i.test(headers.get('prefer') ?? '')) headers.append('prefer', 'respond-async')
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
  // The answer is kept as it comes, and nothing decodes it then.
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity')
  const answer = await callService(caller, baseUrl, service, { ...options, headers })
  if (!isLeft(answer)) return { approvalId: undefined, answer: async () => answer }
  const { approval } = await answer.json<{ approval?: unknown }>()
  if (typeof approval !== 'string' || approval === '') throw invalidAnswer(answer.status, 'approval is missing')
  return { approvalId: approval, answer: (more = {}) => answerTo(caller, baseUrl, approvals, approval, more) }
}

export async function answerTo(
  caller: Caller,
  baseUrl: string,
  approvals: Approvals,
  id: string,
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: AnswerOptions,
): Promise<ServiceAnswer> {
  const end = Date.now() + timeoutMs
  refuseNo(await approvals.settled(id, { timeoutMs, ...(signal && { signal }) }))
  const wire = new Wire({ baseUrl, fetch: (url, init) => caller.send(url, init, is401) })
  for (let [failures, looks] = [0, 0]; ; looks += 1) {
    const kept = await mayPass(() => keptAnswer(wire, id, signal), signal, failures)
    failures = kept === undefined ? failures + 1 : 0
    if (kept instanceof ServiceAnswer) return kept
    const left = end - Date.now()
    if (left <= 0) throw new ClavigerError('answer_timeout', 'There is no answer yet', { facts: { approval: id } })
    const least = failures > 0 ? pauseAfter(failures) : Math.min(LONGEST_PAUSE_MS, 50 * 2 ** looks)
    await pause(Math.min(left, least), signal)
  }
}

/** Whether the gateway says so: no answer of a service has this in its name. */
function isLeft({ status, headers }: ServiceAnswer): boolean {
  const said = headers.get('proxy-status') ?? ''
  return status === 202 && /(^|,)\s*claviger\b[^,]*;\s*details="respond_async"/.test(said)
}

/** As the identical call would be refused now. */
function refuseNo({ id, status, reason }: Approval): void {
  if (status === 'denied') {
    throw refusalOf('approval_denied', 'A human said no', { status: 403, detail: reason, facts: { approval: id } })
  }
  if (status !== 'expired' && status !== 'cancelled') return
  const facts = { approval: id, became: status }
  throw refusalOf('approval_not_given', 'Nobody said yes', { status: 403, facts })
}

/** `not_yet` where it is not there yet. */
async function keptAnswer(wire: Wire, id: string, signal: AbortSignal | undefined): Promise<ServiceAnswer | 'not_yet'> {
  const path = `/claviger/v1/agents/self/approvals/${encodeURIComponent(id)}/answer`
  try {
    return answerIn(await wire.ask({ method: 'GET', path, signal, maxBytes: MAX_ANSWER_BYTES }), signal)
  } catch (error) {
    if (hasCode(error, 'answer_not_yet')) return 'not_yet'
    throw error
  }
}

function answerIn({ status: at, json }: Answered, signal: AbortSignal | undefined): ServiceAnswer {
  const { status, headers, base64 } = json
  const bytes = typeof base64 === 'string' ? fromBase64(base64) : undefined
  if (typeof status !== 'number' || status < 200 || status > 599 || bytes === undefined || !Array.isArray(headers)) {
    throw invalidAnswer(at, 'it is no answer of a service')
  }
  const made = new Headers()
  for (const one of headers) {
    if (isObject(one) && typeof one.name === 'string') made.append(one.name, String(one.value))
  }
  const response = new Response(BODILESS.has(status) ? null : bytes, { status, headers: made })
  return new ServiceAnswer(response, { signal })
}
