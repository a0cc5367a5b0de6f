/** The values that canonical JSON knows: no floats, no null (leave the member out), no `-0`. */
export type Canonical =
  | string
  | number
  | boolean
  | readonly Canonical[]
  | { readonly [name: string]: Canonical | undefined }

const MAX_DEPTH = 16

/**
 * Canonical JSON: RFC 8785 over objects, arrays, booleans, well-formed strings and integers within ±(2⁵³−1).
 * Members are sorted by code unit; members that are `undefined` are left out. Throws TypeError for anything else.
 */
export function canonicalJson(value: Canonical, depth = 0): string {
  if (depth > MAX_DEPTH) throw new TypeError('canonical JSON: nested deeper than 16')
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'number') return canonicalInteger(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object' || value === null) throw new TypeError(`canonical JSON: no form for ${typeof value}`)
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('canonical JSON: plain objects only')
  const members: string[] = []
  const object = value as { readonly [name: string]: Canonical | undefined }
  for (const name of Object.keys(object).sort()) {
    const member = object[name]
    if (member === undefined) continue
    members.push(`${canonicalName(name)}:${canonicalJson(member, depth + 1)}`)
  }
  return `{${members.join(',')}}`
}

/** A string in canonical form, quotes included. Lone surrogates are refused: they have no UTF-8. */
export function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('canonical JSON: string is not well-formed Unicode')
  return JSON.stringify(text)
}

function canonicalName(name: string): string {
  if (!/^[\x20-\x7e]*$/.test(name)) throw new TypeError('canonical JSON: member names are printable ASCII')
  return JSON.stringify(name)
}

function canonicalInteger(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new TypeError('canonical JSON: safe integers only')
  return String(value)
}
