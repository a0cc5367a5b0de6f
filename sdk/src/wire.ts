// One request to the gateway and its JSON answer. Follows no redirect, reads no more than it wants, turns refusals into errors.
import { readBaseUrl } from './base-url.ts'
import { ClavigerError } from './claviger-error.ts'
import { ConnectionError, refusalOf } from './errors/families.ts'
import type { Fetch } from './platform.ts'
import { isObject, type JsonObject } from './strict-json.ts'

const PATIENCE_MS = 30_000
const MAX_ANSWER_BYTES = 1_048_576
const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

export interface WireOptions {
  /** Where the gateway answers: https, or http on loopback. */
  readonly baseUrl: string
  /** Instead of the global `fetch`, e.g. one that pins keys. */
  readonly fetch?: Fetch | undefined
}

export interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the base URL, with its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: object
  /** Sent as a form instead. */
  readonly form?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Of the answer: 1 MiB if left out. */
  readonly maxBytes?: number
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly json: JsonObject
}

/** A gateway, by its base URL. */
export class Wire {
  readonly baseUrl: string
  readonly fetch: Fetch

  constructor({ baseUrl, fetch = (url, init) => globalThis.fetch(url, init) }: WireOptions) {
    this.baseUrl = readBaseUrl(baseUrl)
    this.fetch = fetch
  }

  /** The answer of status 2xx. Throws the refusal as ClavigerError, `gateway_unreachable`, `answer_invalid`. */
  async ask(asked: Asked): Promise<Answered> {
    const answered = await this.send(asked)
    if (answered.status >= 200 && answered.status < 300) return answered
    throw refusal(answered)
  }

  /** The answer, whatever its status. */
  async send({ method, path, headers, body, form, signal, maxBytes }: Asked): Promise<Answered> {
    const typed = form === undefined ? body && JSON_TYPE : FORM_TYPE
    const text = form === undefined ? body && JSON.stringify(body) : new URLSearchParams(form).toString()
    const response = await this.#request(`${this.baseUrl}${path}`, {
      method,
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])]),
      headers: { accept: 'application/json', ...(typed && { 'content-type': typed }), ...headers },
      ...(text !== undefined && { body: text }),
    })
    return { status: response.status, headers: response.headers, json: await readJson(response, maxBytes) }
  }

  async #request(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.fetch(url, init)
    } catch (cause) {
      if (cause instanceof ClavigerError) throw cause
      throw unreachable(cause)
    }
  }
}

/** The JSON object of an answer; {} for an empty body. Throws `answer_invalid`. */
export async function readJson(response: Response, limit = MAX_ANSWER_BYTES): Promise<JsonObject> {
  const text = await readText(response, limit)
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // A page of a proxy in between, most likely.
  }
  if (response.ok) throw invalidAnswer(response.status, 'no JSON object')
  return {}
}

async function readText(response: Response, limit: number): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let length = 0; reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > limit) {
      await reader.cancel()
      throw invalidAnswer(response.status, `more than ${limit} bytes`)
    }
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}

/** A refusal in the gateway's shape (RFC 9457), OAuth's (RFC 6749 §5.2) or the ClawAuth door's. */
export function refusal({ status, headers, json }: Answered): ClavigerError {
  const inner = isObject(json.error) ? json.error : json
  const code = textOf(inner.code) ?? textOf(json.error) ?? 'answer_unknown'
  const title = textOf(inner.title) ?? textOf(inner.message) ?? textOf(json.error_description)
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return refusalOf(code, title ?? `The gateway answered ${status}`, {
    status,
    detail: textOf(inner.detail),
    hint: textOf(inner.hint),
    requestId: textOf(inner.requestId) ?? headers.get('claviger-request-id') ?? undefined,
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined,
    facts: furtherFacts(inner),
  })
}

const SAID = new Set(['type', 'title', 'status', 'code', 'detail', 'hint', 'requestId', 'message', 'error'])
const MOST_FACTS = 32

/** What is particular to the problem: texts and numbers. */
function furtherFacts(body: JsonObject): Readonly<Record<string, string | number>> {
  const facts: [string, string | number][] = []
  for (const [name, value] of Object.entries(body).slice(0, MOST_FACTS)) {
    const fact = typeof value === 'number' ? value : textOf(value)
    if (fact !== undefined && !SAID.has(name)) facts.push([name, fact])
  }
  return Object.fromEntries(facts)
}

export function unreachable(cause: unknown): ClavigerError {
  return new ConnectionError('gateway_unreachable', 'The gateway gave no answer', { cause })
}

export function invalidAnswer(status: number, detail: string): ClavigerError {
  return new ClavigerError('answer_invalid', 'The gateway’s answer cannot be used', { status, detail })
}

/** A member that must be a string. Throws `answer_invalid`. */
export function stringIn({ json, status }: Answered, name: string): string {
  const value = json[name]
  if (typeof value === 'string' && value !== '') return value
  throw invalidAnswer(status, `${name} is missing`)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 1_000) : undefined
}
