import { isUtf8 } from 'node:buffer'
import type { PlainReply } from '../../http/plain-routes.ts'
import type { Collected } from '../../proxy/collect.ts'

const REDACTED = '[REDACTED]'

export interface AnswerRules {
  readonly method: string
  /** Whether types that end in `+json` are parsed, too. */
  readonly parseMore: boolean
  /** Id of the credential that went along. */
  readonly credential: string
}

/**
 * The provider's answer as the contract's JSON, 200 whatever its status. A body that is JSON stands in it as the provider
 * wrote it; other text as a string; what is no text in base64, and a member says so.
 */
export function providerAnswer(answer: Collected, { method, parseMore, credential }: AnswerRules): PlainReply {
  const { status } = answer
  const mark = `[redacted:${credential}]`
  const body = inOurWords(answer.body, mark)
  const named = namesAndValues(answer.headers, mark)
  if (body.length > 0 || method !== 'HEAD') named.set('content-length', String(body.length))
  const head = `{"status":${status},"headers":${headersText(named)},"body":`
  return { status: 200, body: `${head}${bodyText(body, named.get('content-type') ?? '', parseMore)}}` }
}

/** Where the scrubber took the credential out it names which one; here the words are the contract's. */
function inOurWords(body: Buffer, mark: string): Buffer {
  if (!body.includes(mark, 0, 'latin1')) return body
  return Buffer.from(body.toString('latin1').replaceAll(mark, REDACTED), 'latin1')
}

/** Values of one name are joined, as the original's client joins them. */
function namesAndValues(headers: readonly string[], mark: string): Map<string, string> {
  const named = new Map<string, string>()
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    const given = headers[at + 1] as string
    const value = given.includes(mark) ? given.replaceAll(mark, REDACTED) : given
    const before = named.get(name)
    named.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return named
}

/** As JSON.stringify would of an object of them, which makes that object first. */
function headersText(named: ReadonlyMap<string, string>): string {
  let text = ''
  for (const [name, value] of named) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
  return `{${text}}`
}

function bodyText(body: Buffer, type: string, parseMore: boolean): string {
  if (body.length === 0) return 'null'
  if (!isUtf8(body)) return `${JSON.stringify(body.toString('base64'))},"bodyEncoding":"base64"`
  const text = body.toString('utf8')
  return isJsonType(type.toLowerCase(), parseMore) && isJson(text) ? text : JSON.stringify(text)
}

function isJsonType(type: string, parseMore: boolean): boolean {
  return type.includes('application/json') || (parseMore && /^[^;]*\+json\s*(?:;|$)/.test(type))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
