import { createHash } from 'node:crypto'
import type { JsonValue } from '../../ground/strict-json.ts'

/**
 * Hex SHA-256 of the canonical JSON of an object (§3): RFC 8785 in full, so floats and null are there. What a client hashed
 * with a library for that RFC is the same.
 */
export function payloadHash(value: JsonValue): string {
  return createHash('sha256').update(jcs(value)).digest('hex')
}

/** RFC 8785 §3.2: members in the order of their names' UTF-16 units, numbers and strings as ECMAScript writes them. */
export function jcs(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jcs).join(',')}]`
  const object = value as { readonly [name: string]: JsonValue }
  const names = Object.keys(object).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${jcs(object[name] as JsonValue)}`).join(',')}}`
}
