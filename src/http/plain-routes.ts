// Routes of a door on bare node:http: the path as it is written, one method each, and every refusal in the door's words.
// It owns reading and writing; it decides nothing. What is not one of the routes is not there, whatever its method.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem, problemsOf } from '../ground/problem.ts'
import { type JsonValue, parseStrictJson } from '../ground/strict-json.ts'
import type { Client, ClientOf } from './client-address.ts'
import { isPreflight, type Origins, originHeaders, originKind, PREFLIGHT_HEADERS } from './cross-origin.ts'
import { endWith } from './end-with.ts'
import { framingRefused, whenInTurn } from './framing.ts'
import { lastOfConnection } from './last-of-connection.ts'
import type { Handle } from './listen.ts'
import { httpProblem } from './problems.ts'
import { bodyAtHand, readBody } from './read-body.ts'
import { retryAfterOf } from './retry-after.ts'
import { asProblem } from './send-problem.ts'

/** What a route gets. */
export interface PlainAsked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly rid: string
  /** What stood at the `{name}`s of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly client: Client
  /** The body, strictly read; `{}` for none. Throws Problems `json_invalid`, `body_too_large`, `reading_busy`. */
  json(): Promise<JsonValue>
}

export interface PlainReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object goes out as JSON, text and bytes as they are. */
  readonly body: object | string | Buffer
}

export interface PlainRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** RFC 6570 level 1: `/clauth/v1/identity/proofs/{id}`. */
  readonly path: `/${string}`
  /** Bytes; 1 MiB unless told. */
  readonly maxBody?: number
  /** Undefined where the answer is on its way already. */
  readonly handle: (asked: PlainAsked) => Promise<PlainReply> | PlainReply | undefined
}

export interface PlainRoutesOptions {
  readonly routes: readonly PlainRoute[]
  /** Every refusal, `endpoint_unknown` and `internal_error` among them, in the door's words. */
  readonly wording: (problem: Problem, rid: string) => PlainReply
  readonly clientOf: ClientOf
  /** Whose pages may ask here; if absent nobody looks where a request comes from. */
  readonly origins?: Origins
  /** Told of everything that was not promised. */
  readonly onBug: (error: unknown, rid: string) => void
}

const plainProblem = problemsOf({
  reading_busy: {
    status: 429,
    title: 'Too many bodies are on their way in at once',
    hint: 'Send the whole body at once, or try again in a second.',
  },
})

const MAX_BODY = 1024 * 1024
const IDLE_MS = 30_000
/** Bodies on their way in at one door: whoever sends them may be nobody, and each is held in memory. */
const MAX_READING = 64

/** Answers every request it is given. */
export function plainRoutes(options: PlainRoutesOptions): Handle {
  const find = router(options.routes)
  const reading = { count: 0 }
  return (request, response, rid) =>
    whenInTurn(response, () => {
      if (framingRefused(request, response, rid)) return
      if (options.origins !== undefined && crossing(options, options.origins, request, response, rid)) return
      answer(options, find, reading, request, response, rid).then(
        (reply) => reply && send(request, response, reply, rid),
        (error) => send(request, response, refusal(options, error, rid), rid),
      )
    })
}

/** Whether the request is answered by where it comes from alone. */
function crossing(
  options: PlainRoutesOptions,
  origins: Origins,
  request: IncomingMessage,
  response: ServerResponse,
  rid: string,
): boolean {
  const kind = originKind(request, origins)
  for (const [name, value] of Object.entries(originHeaders(request, kind))) response.setHeader(name, value)
  if (kind === 'foreign') send(request, response, refusal(options, httpProblem('cross_site_refused'), rid), rid)
  else if (kind === 'listed' && isPreflight(request)) {
    send(request, response, { status: 204, headers: PREFLIGHT_HEADERS, body: '' }, rid)
  } else return false
  return true
}

async function answer(
  options: PlainRoutesOptions,
  find: Find,
  reading: { count: number },
  request: IncomingMessage,
  response: ServerResponse,
  rid: string,
): Promise<PlainReply | undefined> {
  const url = request.url as string
  const at = url.indexOf('?')
  const found = find(request.method as string, at < 0 ? url : url.slice(0, at))
  if (found === undefined) throw httpProblem('endpoint_unknown')
  const { route, params } = found
  return route.handle(new Asked(options, { request, response, rid, params }, route.maxBody ?? MAX_BODY, reading))
}

class Asked implements PlainAsked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly rid: string
  readonly params: Readonly<Record<string, string>>
  readonly client: Client
  readonly #maxBody: number
  readonly #reading: { count: number }

  constructor(
    { clientOf }: PlainRoutesOptions,
    { request, response, rid, params }: Pick<PlainAsked, 'request' | 'response' | 'rid' | 'params'>,
    maxBody: number,
    reading: { count: number },
  ) {
    this.request = request
    this.response = response
    this.rid = rid
    this.params = params
    this.client = clientOf(request)
    this.#maxBody = maxBody
    this.#reading = reading
  }

  /** Made when it is asked for: most routes have none. */
  get query(): URLSearchParams {
    const url = this.request.url as string
    const at = url.indexOf('?')
    return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  }

  async json(): Promise<JsonValue> {
    const { request } = this
    if (request.headers.expect !== undefined) this.response.writeContinue()
    await undefined
    const bytes = bodyAtHand(request, this.#maxBody) ?? (await bodyOf(request, this.#maxBody, this.#reading))
    return bytes.length === 0 ? {} : parseStrictJson(bytes)
  }
}

/** One that is still coming in after a turn counts against all others of the door. */
async function bodyOf(request: IncomingMessage, maxBytes: number, reading: { count: number }): Promise<Buffer> {
  const body = readBody(request, { maxBytes, idleMs: IDLE_MS })
  await Promise.race([body, new Promise(setImmediate)])
  if (request.complete) return await body
  if (reading.count >= MAX_READING) {
    body.catch(() => {}) // nobody waits for it any more; the answer ends the connection
    throw plainProblem('reading_busy', { facts: { retryAfterSeconds: 1 } })
  }
  reading.count += 1
  try {
    return await body
  } finally {
    reading.count -= 1
  }
}

function refusal(options: PlainRoutesOptions, error: unknown, rid: string): PlainReply {
  if (!(error instanceof Problem)) options.onBug(error, rid)
  const problem = asProblem(error)
  const { status, headers, body } = options.wording(problem, rid)
  const retry = retryAfterOf({ status, facts: problem.facts })
  return { status, body, headers: { ...(retry !== undefined && { 'retry-after': retry }), ...headers } }
}

function send(request: IncomingMessage, response: ServerResponse, reply: PlainReply, rid: string): void {
  if (response.destroyed || response.headersSent) {
    response.destroy()
    return
  }
  const { status, headers, body } = reply
  const sent = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  if (!request.complete) lastOfConnection(response)
  const own = { 'content-type': 'application/json', 'cache-control': 'no-store', 'claviger-request-id': rid }
  if (status === 204) response.writeHead(status, { 'claviger-request-id': rid, ...headers })
  else response.writeHead(status, { ...own, ...headers, 'content-length': String(sent.length) })
  if (request.method === 'HEAD' || status === 204) response.end()
  else endWith(response, sent)
}

interface Found {
  readonly route: PlainRoute
  readonly params: Readonly<Record<string, string>>
}
type Find = (method: string, path: string) => Found | undefined

/** Most paths have no parameters and are found by one look-up. */
function router(routes: readonly PlainRoute[]): Find {
  const fixed = new Map<string, Found[]>()
  const others: { readonly route: PlainRoute; readonly pattern: RegExp }[] = []
  for (const route of routes) {
    if (route.path.includes('{')) others.push({ route, pattern: patternOf(route.path) })
    else fixed.set(route.path, [...(fixed.get(route.path) ?? []), { route, params: {} }])
  }
  return (method, path) => {
    const known = fixed.get(path)?.find(({ route }) => route.method === method)
    if (known !== undefined) return known
    for (const { route, pattern } of others) {
      const match = route.method === method ? pattern.exec(path) : null
      if (match !== null) return { route, params: decoded(match.groups ?? {}) }
    }
    return undefined
  }
}

function patternOf(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()[\]\\|]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`)
}

function decoded(groups: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]))
  } catch {
    throw httpProblem('endpoint_unknown')
  }
}
