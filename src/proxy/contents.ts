// What a human would be asked about: the whole body, and the headers that would go on. Read only where somebody is asked.
import type { IncomingMessage } from 'node:http'
import type { Answered, CallContents, Caller, Patience } from '../gate/rooms.ts'
import { headerOf } from '../http/header-of.ts'
import { readBody } from '../http/read-body.ts'
import type { CarriedCall } from './carry-out.ts'
import type { PlaceholderBook } from './placeholders/book.ts'
import { shownBody } from './placeholders/request-body.ts'
import type { Recipient } from './recipient.ts'
import { outgoingHead } from './request-head.ts'

/** What a person can be shown, and the spool keeps. */
export const MAX_ASKED_BYTES = 10 * 1024 * 1024
const IDLE_MS = 30_000

/**
 * Headers that clients make anew for each try, and that say nothing of what is asked. They would make of every retry another
 * request, so they are left out of what is shown, and of what is sent.
 */
const PER_TRY =
  /^(?:traceparent|tracestate|baggage|b3|x-b3-.*|x-request-id|x-correlation-id|x-amzn-trace-id|x-amz-date|amz-sdk-invocation-id|amz-sdk-request|x-stainless-.*|sentry-trace|date|idempotency-key|prefer|range|if-range|priority)$/

/** The gate's way to the caller of one call. */
export class AskedCaller implements Caller {
  readonly #call: CarriedCall
  readonly #book: PlaceholderBook | undefined

  /** `book`: what stands for credentials in bodies is shown by their names. */
  constructor(call: CarriedCall, book?: PlaceholderBook) {
    this.#call = call
    this.#book = book
  }

  /** Whether it would rather leave than wait (RFC 7240 §4.1), and can be told that it may. */
  get leaves(): boolean {
    const { holdMs, recipient, webSocket } = this.#call
    if (holdMs === undefined || recipient.accept === undefined || webSocket !== undefined) return false
    return /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(preferenceOf(this.#call))
  }

  get answered(): Answered | undefined {
    return this.#call.answered
  }

  /** To be asked once. Rejects as readBody() does. */
  contents(): Promise<CallContents> {
    return contentsOf(this.#call, this.#book)
  }

  get gone(): boolean {
    return this.#call.recipient.gone
  }

  patience(): Patience | undefined {
    const { holdMs } = this.#call
    return holdMs === undefined ? undefined : patienceOf(this.#call, holdMs, this.leaves ? 0 : holdMs)
  }
}

async function contentsOf(call: CarriedCall, book: PlaceholderBook | undefined): Promise<CallContents> {
  const { body: came, rawHeaders, recipient, principal, serviceName } = call
  const headers = headersOf(call)
  const idempotencyKey = headerOf(rawHeaders, 'idempotency-key')
  const body = came === undefined || Buffer.isBuffer(came) ? came : await wholeOf(came, recipient)
  if (book === undefined || body === undefined) return { body, headers, idempotencyKey }
  const shown = await shownBody(book, book.serviceNamed(serviceName), principal.agent.id, headers.flat(), body)
  return { body: shown, headers, idempotencyKey }
}

/** Names and values by turns: what of the caller's goes on. */
export function asRaw({ headers }: CallContents): string[] {
  return headers.flat()
}

/** Waits on the caller's connection for as long as it is there, `mostMs` at most, and `usualMs` where it says nothing. */
function patienceOf(call: CarriedCall, mostMs: number, usualMs: number): Patience {
  const { recipient } = call
  const gone = new AbortController()
  recipient.onGone(() => gone.abort())
  if (recipient.gone) gone.abort()
  const asked = /(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/.exec(preferenceOf(call))?.[1]
  return { waitMs: asked === undefined ? usualMs : Math.min(mostMs, Number(asked) * 1_000), signal: gone.signal }
}

function preferenceOf({ rawHeaders, outerHeaders = [] }: CarriedCall): string {
  return headerOf(rawHeaders, 'prefer') ?? headerOf(outerHeaders, 'prefer') ?? ''
}

function headersOf({ method, target, rawHeaders, webSocket }: CarriedCall): [string, string][] {
  const origin = { scheme: 'https', host: '', port: 0, wildcard: false, href: '' } as const
  const { headers } = outgoingHead({ method, origin, target }, rawHeaders, [], () => undefined)
  const pairs: [string, string][] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    if (!PER_TRY.test(name)) pairs.push([name, headers[at + 1] as string])
  }
  // Whoever is asked has to see that messages go both ways afterwards.
  if (webSocket !== undefined) pairs.push(['upgrade', ['websocket', ...webSocket.protocols].join(', ')])
  return pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
}

async function wholeOf(body: IncomingMessage, recipient: Recipient): Promise<Buffer | undefined> {
  const { headers } = body
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return undefined
  if (headers.expect !== undefined) recipient.invite()
  return readBody(body, { maxBytes: MAX_ASKED_BYTES, idleMs: IDLE_MS })
}
