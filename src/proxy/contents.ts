// What a human would be asked about: the whole body, and the headers that would go on. Read only where somebody is asked.
import type { IncomingMessage } from 'node:http'
import type { CallContents, Caller, Patience } from '../gate/rooms.ts'
import { headerOf } from '../http/header-of.ts'
import { readBody } from '../http/read-body.ts'
import type { CarriedCall } from './carry-out.ts'
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
  /^(?:traceparent|tracestate|baggage|b3|x-b3-.*|x-request-id|x-correlation-id|x-amzn-trace-id|x-stainless-.*|sentry-trace|date|idempotency-key|prefer|range|if-range|priority)$/

/** The gate's way to the caller of one call. */
export class AskedCaller implements Caller {
  readonly #call: CarriedCall

  constructor(call: CarriedCall) {
    this.#call = call
  }

  /** To be asked once. Rejects as readBody() does. */
  contents(): Promise<CallContents> {
    return contentsOf(this.#call)
  }

  get gone(): boolean {
    return this.#call.recipient.gone
  }

  patience(): Patience | undefined {
    const { holdMs, recipient, rawHeaders } = this.#call
    return holdMs === undefined ? undefined : patienceOf(recipient, rawHeaders, holdMs)
  }
}

async function contentsOf(call: CarriedCall): Promise<CallContents> {
  const { body, rawHeaders, recipient } = call
  const headers = headersOf(call)
  const idempotencyKey = headerOf(rawHeaders, 'idempotency-key')
  if (body === undefined || Buffer.isBuffer(body)) return { body, headers, idempotencyKey }
  return { body: await wholeOf(body, recipient), headers, idempotencyKey }
}

/** Names and values by turns: what of the caller's goes on. */
export function asRaw({ headers }: CallContents): string[] {
  return headers.flat()
}

/** Waits on the caller's connection for as long as it is there, `waitMs` at most. */
function patienceOf(recipient: Recipient, rawHeaders: readonly string[], mostMs: number): Patience {
  const gone = new AbortController()
  recipient.onGone(() => gone.abort())
  if (recipient.gone) gone.abort()
  const asked = /(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/.exec(headerOf(rawHeaders, 'prefer') ?? '')?.[1]
  return { waitMs: asked === undefined ? mostMs : Math.min(mostMs, Number(asked) * 1_000), signal: gone.signal }
}

function headersOf({ method, target, rawHeaders }: CarriedCall): [string, string][] {
  const origin = { scheme: 'https', host: '', port: 0, wildcard: false, href: '' } as const
  const { headers } = outgoingHead({ method, origin, target }, rawHeaders, [], () => undefined)
  const pairs: [string, string][] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    if (!PER_TRY.test(name)) pairs.push([name, headers[at + 1] as string])
  }
  return pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
}

async function wholeOf(body: IncomingMessage, recipient: Recipient): Promise<Buffer | undefined> {
  const { headers } = body
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return undefined
  if (headers.expect !== undefined) recipient.invite()
  return readBody(body, { maxBytes: MAX_ASKED_BYTES, idleMs: IDLE_MS })
}
