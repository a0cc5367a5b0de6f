/**
 * The canonical target: one reading of a request target, matched by policy and forwarded byte for byte.
 * What two parsers could read differently is refused here, never repaired (RFC 3986 §3.3, §6.2.2).
 */
import { escapedByte, isUnreserved, Utf8Check } from './percent.ts'
import { checkQuery, type QueryPair, queryPairs } from './query.ts'
import { ambiguous, badCharacter, targetProblem } from './target-problems.ts'

export interface Target {
  /** The exact bytes to forward, without the query; starts with `/`. */
  readonly path: string
  /** Raw, still encoded: `/a/b/` is `['a', 'b', '']`, `/` is `['']`. */
  readonly segments: readonly string[]
  /** Decoded for matching, `%2F` kept as `%2F`. The same array as `segments` where nothing is encoded. */
  readonly decoded: readonly string[]
  /** Raw, without the `?`; empty if there is none. */
  readonly query: string
  /** Whether a `?` was sent: `/a?` and `/a` are forwarded as they came. */
  readonly hasQuery: boolean
  /** The query as a raw list, in order, parsed on first use. Empty pieces (`&&`) are not in it. */
  readonly pairs: readonly QueryPair[]
  /** Some segment holds `%2F`. */
  readonly encodedSlash: boolean
  /** Some segment holds `;` or `%3B`. */
  readonly matrix: boolean
}

export const MAX_TARGET = 8192

const PLAIN = 0
const SLASH = 1
const PERCENT = 2
const QUESTION = 3
const SEMICOLON = 4
const BAD = 5

/** What each ASCII character is in a path: RFC 3986 `pchar` is plain, but for `;` and `%`. */
const PATH_KIND = new Uint8Array(128).fill(BAD)
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@") {
  PATH_KIND[char.charCodeAt(0)] = PLAIN
}
PATH_KIND[0x2f] = SLASH
PATH_KIND[0x25] = PERCENT
PATH_KIND[0x3f] = QUESTION
PATH_KIND[0x3b] = SEMICOLON

/** What single-byte code pages fold to a slash or a backslash although Unicode does not. */
const LOOKS_LIKE_SLASH = /[\u2044\u2215\u2216\u29f5\u29f8]/

class CanonicalTarget implements Target {
  readonly path: string
  readonly segments: readonly string[]
  readonly decoded: readonly string[]
  readonly query: string
  readonly hasQuery: boolean
  readonly encodedSlash: boolean
  readonly matrix: boolean
  #pairs: readonly QueryPair[] | undefined

  constructor(raw: string, queryAt: number, segments: readonly string[], decoded: readonly string[], matrix: boolean) {
    this.path = queryAt < 0 ? raw : raw.slice(0, queryAt)
    this.query = queryAt < 0 ? '' : raw.slice(queryAt + 1)
    this.hasQuery = queryAt >= 0
    this.segments = segments
    this.decoded = decoded
    this.encodedSlash = decoded !== segments && decoded.some((segment) => segment.includes('%2F'))
    this.matrix = matrix
  }

  get pairs(): readonly QueryPair[] {
    this.#pairs ??= queryPairs(this.query)
    return this.#pairs
  }
}

/**
 * Reads a request target in origin form: path, then `?` and query if any.
 * Throws Problem `target_ambiguous` (400, fact `rule`) or `target_too_long` (414).
 */
export function canonicalTarget(raw: string): Target {
  if (raw.length > MAX_TARGET) throw targetProblem('target_too_long')
  if (raw.charCodeAt(0) !== 0x2f) throw ambiguous('form', 'It does not begin with /.')
  const segments: string[] = []
  let matrix = false
  let escaped = false
  let start = 1
  let at = 1
  for (; at < raw.length; at++) {
    const code = raw.charCodeAt(at)
    const kind = code < 128 ? PATH_KIND[code] : BAD
    if (kind === PLAIN) continue
    if (kind === SLASH) {
      if (at === start) throw ambiguous('empty_segment')
      segments.push(plainSegment(raw, start, at))
      start = at + 1
    } else if (kind === PERCENT) escaped = true
    else if (kind === SEMICOLON) matrix = true
    else if (kind === QUESTION) break
    else throw ambiguous(badCharacter(code))
  }
  segments.push(plainSegment(raw, start, at))
  const queryAt = at < raw.length ? at : -1
  if (queryAt >= 0) checkQuery(raw, queryAt + 1)
  if (!escaped && !matrix) return new CanonicalTarget(raw, queryAt, segments, segments, false)
  const decoded = escaped ? segments.map(decodeSegment) : segments
  for (const segment of decoded) refuseHiddenDots(segment)
  return new CanonicalTarget(raw, queryAt, segments, decoded, matrix || decoded.some((one) => one.includes(';')))
}

/** The segment between two slashes; one of dots alone climbs somewhere on some server. */
function plainSegment(raw: string, start: number, end: number): string {
  let at = start
  while (at < end && raw.charCodeAt(at) === 0x2e) at++
  if (at === end && end > start) throw ambiguous('dot_segment')
  return raw.slice(start, end)
}

/** Decodes every escape but `%2F`, refusing those that only an attacker or a broken client sends. */
function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment
  const utf8 = new Utf8Check()
  for (let at = 0; at < segment.length; at++) {
    const plain = segment.charCodeAt(at) !== 0x25
    const byte = plain ? segment.charCodeAt(at) : escapedByte(segment, at)
    if (byte < 0) throw ambiguous(byte === -2 ? 'escape_unicode' : 'escape_malformed')
    if (!utf8.take(byte)) throw ambiguous('escape_utf8')
    if (plain) continue
    refuseEscape(byte)
    at += 2
  }
  if (!utf8.done()) throw ambiguous('escape_utf8')
  return decodeURIComponent(segment.replace(/%2f/gi, '%252F'))
}

function refuseEscape(byte: number): void {
  if (byte >= 0x80) return
  if (byte < 0x20 || byte === 0x7f) throw ambiguous('escape_control')
  if (byte === 0x5c) throw ambiguous('escape_backslash')
  if (byte === 0x25) throw ambiguous('escape_percent')
  if (byte === 0x2e) throw ambiguous('dot_segment')
  if (isUnreserved(byte)) throw ambiguous('escape_unreserved')
}

/**
 * Dot segments that appear after a further decoding, after parameters or spaces are cut off, or after a server's
 * compatibility folding of Unicode (U+FF0E, U+2025 …). Separators that appear by folding are refused as well.
 */
function refuseHiddenDots(segment: string): void {
  if (LOOKS_LIKE_SLASH.test(segment)) throw ambiguous('lookalike')
  const folded = segment.normalize('NFKC')
  if (folded !== segment && /[/\\]|%(?!2F)/.test(folded)) throw ambiguous('lookalike')
  for (const piece of folded.split(/%2F|;/)) {
    if (/^\s*\.+\s*$/.test(piece)) throw ambiguous('dot_segment')
  }
  if (!segment.includes('%2F')) return
  if (segment.split('%2F').includes('')) throw ambiguous('empty_segment')
}
