// One call in base-URL mode, from what its caller gives to what comes of it. Bodies stream both ways.
import { ClavigerError } from '../claviger-error.ts'
import { ServiceError } from '../errors/families.ts'
import type { FetchBody, FetchHeaders } from '../platform.ts'
import { type Answered, invalidAnswer, readJson, refusal, unreachable } from '../wire.ts'
import { type Caller, gatewayUrl, isByGateway } from './call.ts'
import { ServiceAnswer } from './service-answer.ts'
import { Upload } from './upload.ts'

type QueryValue = string | number | boolean

export interface CallOptions {
  /** GET if left out. */
  readonly method?: string
  /** Percent-encoded, `/` if left out; may have a query, to which `query` is added. */
  readonly path?: string
  /** Encoded here; a list stands once for each value, undefined not at all. */
  readonly query?: Readonly<Record<string, QueryValue | readonly QueryValue[] | undefined>> | URLSearchParams
  readonly headers?: Readonly<Record<string, string>> | Headers | readonly (readonly [string, string])[]
  /**
   * Text, bytes, Blob, FormData, URLSearchParams; a ReadableStream or an async iterable of bytes, which is sent as it comes; any
   * other plain object or array as JSON.
   */
  readonly body?: string | object | null
  /** Ends the call, while it waits and while its answer is read: both then throw the signal's reason. */
  readonly signal?: AbortSignal | null
}

/** Throws the gateway's refusals, `gateway_unreachable`, `path_invalid`, `options_invalid`. */
export async function callService(
  caller: Caller,
  baseUrl: string,
  service: string,
  options: CallOptions,
): Promise<ServiceAnswer> {
  const { method = 'GET', path = '/', query, signal } = options
  const url = gatewayUrl(baseUrl, service, withQuery(path, query))
  const { body, upload, type } = bodyOf(options.body ?? undefined)
  if (body !== undefined && /^(GET|HEAD)$/i.test(method)) throw invalid(`${method} takes no body`)
  const headers = new Headers(options.headers as FetchHeaders | undefined)
  if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type)
  const init = { method, headers, ...(body !== undefined && { body }), ...(signal && { signal }) }
  const sent = upload === undefined ? init : ({ ...init, duplex: 'half' } as RequestInit)
  try {
    const response = await reached(() => caller.send(url, sent), signal)
    if (isByGateway(response)) throw await refusalIn(response)
    refuseStrangers(response)
    if (response.body === null) upload?.stop()
    return new ServiceAnswer(response, { signal, onEnd: () => upload?.stop() })
  } catch (error) {
    upload?.stop()
    throw error
  }
}

const MAX_REFUSAL_BYTES = 65_536

/** The JSON of an answer of status 2xx; undefined where it is empty. Throws ServiceError for other statuses. */
export async function jsonOf<T>(answer: ServiceAnswer): Promise<T | undefined> {
  const { status, ok, requestId, headers } = answer
  if (ok) {
    const text = await answer.text()
    return text === '' ? undefined : parsed<T>(text, status)
  }
  const text = await answer.text({ maxBytes: MAX_REFUSAL_BYTES }).catch(() => '')
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined
  throw new ServiceError(`The service answered ${status}`, jsonOrText(text), { status, requestId, retryAfterSeconds })
}

/** Throws the signal's reason, an error of this package as it is, and `gateway_unreachable` for anything else. */
export async function reached(
  send: () => Promise<Response>,
  signal: AbortSignal | null | undefined,
): Promise<Response> {
  try {
    signal?.throwIfAborted()
    return await send()
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason
    throw cause instanceof ClavigerError ? cause : unreachable(cause)
  }
}

/** The gateway's refusal. An answer to HEAD has no body: its code stands in `proxy-status` too (RFC 9209 §2.1.6). */
export async function refusalIn(response: Response): Promise<ClavigerError> {
  const { status, headers } = response
  const json = await readJson(response).catch(() => ({}))
  const code = /\bdetails="([a-z0-9_]+)"/.exec(headers.get('proxy-status') ?? '')?.[1]
  const answered: Answered = { status, headers, json: code === undefined ? json : { code, ...json } }
  return refusal(answered)
}

/** The gateway marks what it passes on. What lacks the mark comes from something in between, and says nothing of the service. */
export function refuseStrangers(response: Response): void {
  const { status, headers, type } = response
  if (headers.has('claviger-request-id')) return
  const hidden = type === 'opaqueredirect'
  void response.body?.cancel().catch(() => undefined)
  throw invalidAnswer(status, hidden ? 'a redirect, which browsers hide' : 'it does not come from the gateway')
}

function withQuery(path: string, query: CallOptions['query']): string {
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query ?? {})
  const added = entries.flatMap(([name, values]) =>
    (values === undefined ? [] : [values].flat()).map((value) => `${encoded(name)}=${encoded(String(value))}`),
  )
  if (added.length === 0) return path
  return `${path}${path.includes('?') ? '&' : '?'}${added.join('&')}`
}

/** Everything but RFC 3986's unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

interface Body {
  readonly body: FetchBody | undefined
  readonly upload?: Upload
  readonly type?: string
}

function bodyOf(given: string | object | undefined): Body {
  if (given === undefined || typeof given === 'string') return { body: given }
  if (given instanceof ReadableStream) return streamed(given)
  const prototype: unknown = Object.getPrototypeOf(given)
  if (Array.isArray(given) || prototype === Object.prototype || prototype === null) {
    return { body: JSON.stringify(given), type: 'application/json' }
  }
  const ready = [Blob, FormData, URLSearchParams, ArrayBuffer].some((kind) => given instanceof kind)
  if (ready || ArrayBuffer.isView(given)) return { body: given as FetchBody }
  if (Symbol.asyncIterator in given) return streamed(given as AsyncIterable<Uint8Array>)
  throw invalid('the body is of no kind that can be sent')
}

function streamed(source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): Body {
  const upload = new Upload(source)
  return { body: upload.body, upload }
}

function parsed<T>(text: string, status: number): T {
  try {
    return JSON.parse(text) as T
  } catch {
    throw invalidAnswer(status, 'no JSON')
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function invalid(detail: string): ClavigerError {
  return new ClavigerError('options_invalid', 'This call cannot be made', { detail })
}
