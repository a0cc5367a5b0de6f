// One spelling for every address, so that limits and records of one client have one key.
import { type AddressSet, addressBytes, holdsAddress } from './addresses.ts'

/** What stands before the four bytes of an IPv4 address in an IPv6 one (RFC 4291 §2.5.5.2). */
const mapped = addressBytes('::ffff:0:0')!.subarray(0, 12)

/** 4 or 16 bytes; an IPv4 address that is written as IPv6 (`::ffff:1.2.3.4`) gives its four. Undefined for other text. */
function plainBytes(text: string): Uint8Array | undefined {
  const bytes = addressBytes(text)
  if (bytes === undefined || bytes.length === 4) return bytes
  return mapped.every((byte, at) => bytes[at] === byte) ? bytes.slice(12) : bytes
}

/** The address in its one spelling: dotted IPv4, or IPv6 as RFC 5952 writes it. Undefined for what is no plain address. */
export function addressText(text: string): string | undefined {
  const bytes = plainBytes(text)
  if (bytes === undefined) return undefined
  return bytes.length === 4 ? bytes.join('.') : text6(bytes)
}

/** Whether the set holds the address, however that is spelt. */
export function setHolds(set: AddressSet, text: string): boolean {
  const bytes = plainBytes(text)
  return bytes !== undefined && holdsAddress(set, bytes)
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
function text6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! << 8) | bytes[2 * at + 1]!)
  let best = { at: 0, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (groups[at + length] === 0) length += 1
    if (length > best.length) best = { at, length }
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (best.length < 2) return text(groups)
  return `${text(groups.slice(0, best.at))}::${text(groups.slice(best.at + best.length))}`
}
