import { isUtf8 } from 'node:buffer'
import type { PlainReply } from '../../http/plain-routes.ts'
import type { Collected } from '../../proxy/collect.ts'

/**
 * The provider's answer as the contract's JSON, 200 whatever its status. A body that is JSON stands in it as the provider
 * wrote it; other text as a string; what is no text in base64, and a member says so.
 */
export function providerAnswer({ status, headers, body }: Collected, parseMore: boolean, method: string): PlainReply {
  const named = namesAndValues(headers)
  if (body.length > 0 || method !== 'HEAD') named['content-length'] = String(body.length)
  const head = `{"status":${status},"headers":${JSON.stringify(named)},"body":`
  const bytes = Buffer.from(`${head}${bodyText(body, named['content-type'] ?? '', parseMore)}}`)
  return { status: 200, body: bytes }
}

function namesAndValues(headers: readonly string[]): Record<string, string> {
  const named: Record<string, string> = Object.create(null)
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    const before = named[name]
    named[name] = before === undefined ? (headers[at + 1] as string) : `${before}, ${headers[at + 1]}`
  }
  return named
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
