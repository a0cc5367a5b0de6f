// Canonical JSON (RFC 8785): the one text of a value, which everybody hashes alike.
import { ClavigerError } from './claviger-error.ts'

const MAX_DEPTH = 64

/**
 * Members in the order of their names' UTF-16 units, numbers and strings as ECMAScript writes them; members that are undefined
 * are left out. Throws `options_invalid` for what JSON has not, and for half of a surrogate pair.
 */
export function jcs(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw invalid(`nested deeper than ${MAX_DEPTH}`)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => jcs(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object') throw invalid(`no JSON for ${typeof value}`)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw invalid('plain objects alone are JSON')
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${quoted(name)}:${jcs(member, depth + 1)}`).join(',')}}`
}

function quoted(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw invalid('half of a surrogate pair')
  return JSON.stringify(text)
}

function invalid(detail: string): ClavigerError {
  return new ClavigerError('options_invalid', 'This has no canonical JSON', { detail })
}
