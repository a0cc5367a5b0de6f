import type { JsonValue } from './strict-json.ts'

/**
 * Canonical JSON of any value, floats and null too: RFC 8785 in full. Members stand in the order of their names' UTF-16
 * units, numbers and strings as ECMAScript writes them (§3.2). For what others made; our own data is `canonicalJson`'s, which
 * knows fewer values. Throws TypeError for numbers that JSON has not, and for half of a surrogate pair.
 */
export function jcs(value: JsonValue): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('canonical JSON: no such number')
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jcs).join(',')}]`
  const object = value as { readonly [name: string]: JsonValue }
  const names = Object.keys(object).sort()
  return `{${names.map((name) => `${quoted(name)}:${jcs(object[name] as JsonValue)}`).join(',')}}`
}

function quoted(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('canonical JSON: string is not well-formed Unicode')
  return JSON.stringify(text)
}
