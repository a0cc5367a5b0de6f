import type { JsonValue } from '../../ground/strict-json.ts'
import type { PlainAsked } from '../../http/plain-routes.ts'
import { invalid } from './contract.ts'

export type AskedBody = { readonly [name: string]: JsonValue }

/** The request's object; members that mean nothing are left alone. Throws Problem `json_invalid`, `clauth_invalid`. */
export async function askedBody(asked: Pick<PlainAsked, 'json'>): Promise<AskedBody> {
  const body = await asked.json()
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw invalid('Request body must be a JSON object')
}

/** A member that is text, trimmed; undefined for none. Throws Problem `clauth_invalid` for one of another type. */
export function textIn(body: AskedBody, name: string): string | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(`${name} must be a string`)
  return value.trim()
}
