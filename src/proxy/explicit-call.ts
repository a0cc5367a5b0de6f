import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { denialProblem } from '../gate/denials.ts'
import type { CallId } from '../ground/ids.ts'
import { type Origin, parseOrigin } from '../ground/origin.ts'
import { type JsonValue, parseStrictJson } from '../ground/strict-json.ts'
import { canonicalTarget } from '../ground/target.ts'
import { framingRefused, whenInTurn } from '../http/framing.ts'
import { httpProblem } from '../http/problems.ts'
import { bodyAtHand, readBody } from '../http/read-body.ts'
import { isOneOfBoth, type MakeCall, type SpelledCall, spelled } from './call-by-action.ts'
import { type CarryOutOptions, callingAgent, carryOut, refuse } from './carry-out.ts'
import { Connection } from './recipient.ts'

export const EXPLICIT_CALL_PATH = '/claviger/v1/call'

/** What the strict parser gave is JSON: looking through it once more would cost far more than reading it did. */
const Json = z.custom<JsonValue>()
const Values = z.union([z.string(), z.array(z.string()).max(256)])

/**
 * One call, said in JSON: by method and path, or by an action of the service and its parameters. Nothing in it names a
 * place to send to but `path`, and that only if the service is there.
 */
export const ExplicitCall = z
  .strictObject({
    service: z.string().min(1).max(128),
    method: z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']).optional(),
    /** Path with query if any, or an absolute URL on one of the service's origins. */
    path: z.string().min(1).max(8_192).optional(),
    /** Name of an action, instead of method and path. */
    action: z.string().min(1).max(64).optional(),
    /** What the action's path, query and body are made of. */
    params: z.record(z.string().max(256), Json).optional(),
    /** Added to the query of `path`. */
    query: z.record(z.string(), Values).optional(),
    headers: z.record(z.string(), Values).optional(),
    /** Text is sent as it is, anything else as JSON. */
    body: Json.optional(),
    bodyBase64: z
      .string()
      .refine((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text), 'not base64')
      .optional(),
  })
  .refine((call) => call.body === undefined || call.bodyBase64 === undefined, 'body and bodyBase64 exclude each other')
  .refine(isOneOfBoth, 'either method and path, or action and params (with neither query nor body)')
export type ExplicitCall = z.output<typeof ExplicitCall>

const MAX_BYTES = 1024 * 1024
/** Names in `query`, and in `headers`; the headers obey the limits of a call that comes as HTTP. */
const MAX_NAMES = 256
const MAX_HEADERS = 100
const MAX_HEADER_CHARACTERS = 16 * 1024
const IDLE_MS = 30_000
/** Calls of one agent that may be on their way in at once: they are held in memory, and the gate does not know of them yet. */
const MAX_READING = 32

/** An origin that is on no service: what cannot be read as one is refused, and recorded, like a foreign one. */
const unreadable: Origin = Object.freeze({ scheme: 'https', host: '', port: 0, wildcard: false, href: '(unreadable)' })

/** `POST /claviger/v1/call`: answered with the service's own status, headers and body. */
export function createExplicitCallHandler(options: CarryOutOptions, make: MakeCall) {
  const reading = new Map<string, number>()
  return (request: IncomingMessage, response: ServerResponse, rid: string): void => {
    whenInTurn(response, () => {
      if (framingRefused(request, response, rid)) return
      handle(options, make, reading, request, response, rid).catch((error) =>
        refuse(options, new Connection(response), rid, error),
      )
    })
  }
}

async function handle(
  options: CarryOutOptions,
  make: MakeCall,
  reading: Map<string, number>,
  request: IncomingMessage,
  response: ServerResponse,
  rid: string,
): Promise<void> {
  if (request.method !== 'POST') throw httpProblem('method_refused')
  const caller = callingAgent(options, request)
  if (!/^application\/json(?: *;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw httpProblem('media_type_refused')
  }
  const asked = readCall(await bodyInTurn(reading, caller.principal.agent.id, request, response))
  const call =
    asked.action === undefined ? (asked as SpelledCall) : spelled(asked, asked.action, caller.principal, make)
  const { origin, rest } = splitPath(call.path)
  const body = bodyOf(call)
  await carryOut(options, {
    rid: rid as CallId,
    ...caller,
    serviceName: call.service,
    method: call.method,
    target: canonicalTarget(withQuery(rest, call.query)),
    origin,
    rawHeaders: headersOf(call, body),
    body: body?.bytes,
    outerHeaders: request.rawHeaders,
    recipient: new Connection(response),
    base: undefined,
    holdMs: options.holdMs,
  })
}

/** The body. One that is still coming in after a turn counts against its agent: Problem `too_many_in_flight`. */
async function bodyInTurn(
  reading: Map<string, number>,
  agent: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Buffer> {
  if (request.headers.expect !== undefined) response.writeContinue()
  await undefined
  const whole = bodyAtHand(request, MAX_BYTES)
  if (whole !== undefined) return whole
  const body = readBody(request, { maxBytes: MAX_BYTES, idleMs: IDLE_MS })
  await Promise.race([body, new Promise(setImmediate)])
  if (request.complete) return await body
  const others = reading.get(agent) ?? 0
  if (others >= MAX_READING) {
    body.catch(() => {}) // nobody waits for it any more; the answer ends the connection
    throw denialProblem('too_many_in_flight', { facts: { retryAfterSeconds: 1 } })
  }
  reading.set(agent, others + 1)
  try {
    return await body
  } finally {
    const left = (reading.get(agent) ?? 1) - 1
    if (left > 0) reading.set(agent, left)
    else reading.delete(agent)
  }
}

function readCall(bytes: Buffer): ExplicitCall {
  const sent = parseStrictJson(bytes)
  refuseCrowd(sent, 'query')
  refuseCrowd(sent, 'headers')
  const read = ExplicitCall.safeParse(sent)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  const place = issue === undefined || issue.path.length === 0 ? 'the call' : issue.path.map(String).join('.')
  throw httpProblem('request_invalid', { detail: `${place}: ${issue?.message ?? 'invalid'}`.slice(0, 300) })
}

function refuseCrowd(call: JsonValue, part: 'query' | 'headers'): void {
  const members = typeof call === 'object' && call !== null && !Array.isArray(call) ? call[part] : undefined
  if (typeof members !== 'object' || members === null || Object.keys(members).length <= MAX_NAMES) return
  throw httpProblem('request_invalid', { detail: `${part}: more than ${MAX_NAMES} names` })
}

/** An absolute URL is split without being parsed, so that its path stays as it was written. */
function splitPath(path: string): { origin: Origin | undefined; rest: string } {
  const absolute = /^(https?:\/\/[^/?#]*)(.*)$/is.exec(path)
  if (absolute === null) return { origin: undefined, rest: path }
  const rest = absolute[2] as string
  return { origin: readOrigin(absolute[1] as string), rest: rest.startsWith('/') ? rest : `/${rest}` }
}

function readOrigin(text: string): Origin {
  try {
    return parseOrigin(text, { anyPort: true })
  } catch {
    return unreadable
  }
}

function withQuery(path: string, query: SpelledCall['query']): string {
  const added: string[] = []
  for (const [name, values] of Object.entries(query ?? {})) {
    for (const value of [values].flat()) added.push(`${encoded(name)}=${encoded(value)}`)
  }
  if (added.length === 0) return path
  return `${path}${path.includes('?') ? '&' : '?'}${added.join('&')}`
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

interface Body {
  readonly bytes: Buffer
  readonly type: string | undefined
}

function bodyOf({ body, bodyBase64 }: SpelledCall): Body | undefined {
  if (bodyBase64 !== undefined) return { bytes: Buffer.from(bodyBase64, 'base64'), type: undefined }
  if (body === undefined) return undefined
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: undefined }
  return { bytes: Buffer.from(JSON.stringify(body)), type: 'application/json' }
}

function headersOf(call: SpelledCall, body: Body | undefined): string[] {
  const headers: string[] = []
  let typed = false
  for (const [name, values] of Object.entries(call.headers ?? {})) {
    if (name.toLowerCase() === 'content-type') typed = true
    for (const value of [values].flat()) headers.push(name, value)
  }
  if (!typed && body?.type !== undefined) headers.push('content-type', body.type)
  const characters = headers.reduce((sum, text) => sum + text.length, 0)
  if (headers.length > 2 * MAX_HEADERS || characters > MAX_HEADER_CHARACTERS) throw httpProblem('headers_too_large')
  return headers
}
