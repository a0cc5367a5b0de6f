import { escapedByte, isUnreserved, Utf8Check } from './percent.ts'
import { ambiguous, badCharacter } from './target-problems.ts'

/** One `name=value` of a query, as sent and as meant. */
export interface QueryPair {
  readonly rawName: string
  /** Decoded, `+` read as a space. */
  readonly name: string
  /** Decoded, `+` read as a space; empty where there is no `=`. */
  readonly value: string
  readonly rawValue: string
  /** `a=b`, exactly as sent. */
  readonly raw: string
}

class RawPair implements QueryPair {
  readonly raw: string
  readonly rawName: string
  readonly rawValue: string

  constructor(raw: string) {
    const equals = raw.indexOf('=')
    this.raw = raw
    this.rawName = equals < 0 ? raw : raw.slice(0, equals)
    this.rawValue = equals < 0 ? '' : raw.slice(equals + 1)
  }

  get name(): string {
    return decode(this.rawName)
  }

  get value(): string {
    return decode(this.rawValue)
  }
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  return spaced.includes('%') ? decodeURIComponent(spaced) : spaced
}

/** The raw list of a query that `canonicalTarget` has checked: order kept, nothing merged, empty pieces left out. */
export function queryPairs(query: string): readonly QueryPair[] {
  const pairs: QueryPair[] = []
  for (const piece of query.split('&')) {
    if (piece !== '') pairs.push(new RawPair(piece))
  }
  return pairs
}

/** Printable ASCII but for what no client sends raw in a query: `"`, `#`, `<`, `>`, `\`. */
const QUERY_BAD = new Uint8Array(128)
QUERY_BAD.fill(1, 0, 0x21)
QUERY_BAD[0x7f] = 1
for (const char of '"#<>\\') QUERY_BAD[char.charCodeAt(0)] = 1

/**
 * One pass over the query that begins at `raw[start]`: bytes, escapes, and names that are spelled the plain way.
 * Throws Problem `target_ambiguous`.
 */
export function checkQuery(raw: string, start: number): void {
  let inName = true
  const utf8 = new Utf8Check()
  for (let at = start; at < raw.length; at++) {
    const code = raw.charCodeAt(at)
    if (code >= 128 || QUERY_BAD[code] === 1) throw ambiguous(badCharacter(code))
    const byte = code === 0x25 ? escapedByte(raw, at) : code
    if (byte < 0) throw ambiguous(byte === -2 ? 'escape_unicode' : 'escape_malformed')
    if (!utf8.take(byte)) throw ambiguous('escape_utf8')
    if (code === 0x25) {
      if (inName) refuseNameEscape(byte)
      at += 2
    } else if (code === 0x26) inName = true
    else if (code === 0x3d) inName = false
  }
  if (!utf8.done()) throw ambiguous('escape_utf8')
}

function refuseNameEscape(byte: number): void {
  if (byte < 0x20 || byte === 0x7f) throw ambiguous('escape_control')
  if (byte === 0x25) throw ambiguous('escape_percent')
  if (byte < 0x80 && isUnreserved(byte)) throw ambiguous('escape_unreserved')
}
