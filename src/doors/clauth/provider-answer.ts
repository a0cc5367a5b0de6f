import { isUtf8 } from 'node:buffer'
import { isJsonText } from '../../ground/json-bytes.ts'
import type { PlainReply } from '../../http/plain-routes.ts'
import type { Collected } from '../../proxy/collect.ts'

const REDACTED = '[REDACTED]'
const NULL = Buffer.from('null')
const END = Buffer.from('}')

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
  const front = Buffer.from(`{"status":${status},"headers":${headersText(named)},"body":`)
  const back = bodyBytes(body, named.get('content-type') ?? '', parseMore)
  return { status: 200, body: Buffer.concat([front, back, END]) }
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
  for (const [name, value] of named) text += `${text === '' ? '' : ','}${quoted(name)}:${quoted(value)}`
  return `{${text}}`
}

const PLAIN = /^[ !#-[\]-~]*$/

/** As JSON.stringify would; most of what stands in headers has nothing to escape, and is told at a third of the time. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** What the provider wrote as JSON is not made anew: its bytes are the value. */
function bodyBytes(body: Buffer, type: string, parseMore: boolean): Buffer {
  if (body.length === 0) return NULL
  if (!isUtf8(body)) return Buffer.from(`${JSON.stringify(body.toString('base64'))},"bodyEncoding":"base64"`)
  if (isJsonType(type.toLowerCase(), parseMore) && isJsonText(body)) return body
  return Buffer.from(JSON.stringify(body.toString('utf8')))
}

function isJsonType(type: string, parseMore: boolean): boolean {
  return type.includes('application/json') || (parseMore && /^[^;]*\+json\s*(?:;|$)/.test(type))
}
