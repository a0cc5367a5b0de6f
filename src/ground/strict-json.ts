/**
 * JSON as RFC 8259 writes it, with nothing left to the implementation: no byte-order mark, valid UTF-8, no lone
 * surrogate, no name twice, no number that a double cannot hold, nothing after the value, and a bound on depth. What two
 * readers could understand differently is refused, so that what is decided on is what was sent.
 */
import { type Canonical, canonicalJson } from './canonical-json.ts'
import { problemsOf } from './problem.ts'
import { roundTrips } from './round-trip.ts'

export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue }

const problem = problemsOf({
  json_invalid: { status: 400, title: 'The JSON is not valid', hint: 'Send one JSON value in UTF-8, each name once.' },
  json_not_canonical: {
    status: 400,
    title: 'The JSON is not in canonical form',
    hint: 'RFC 8785: names sorted, no spaces, integers only.',
  },
})

const MAX_DEPTH = 64
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses one JSON value. Refuses (Problem `json_invalid`, with the offset in UTF-16 units) everything RFC 8259 §9 leaves
 * open: `maxDepth` (64 unless told) bounds nesting; numbers must keep their decimal value through a double, so `1.0` and
 * `1E2` pass, `-0` and 2^53 + 1 do not. The name `__proto__` is refused.
 */
export function parseStrictJson(bytes: Uint8Array, options: { readonly maxDepth?: number } = {}): JsonValue {
  return new Reader(decode(bytes), options.maxDepth ?? MAX_DEPTH).document()
}

/** Parses canonical JSON: strict, and equal byte for byte to what `canonicalJson` makes of the value. */
export function readCanonical(bytes: Uint8Array): Canonical {
  const text = decode(bytes)
  const value = new Reader(text, MAX_DEPTH).document()
  if (!isCanonical(value as Canonical, text)) throw problem('json_not_canonical')
  return value as Canonical
}

function isCanonical(value: Canonical, text: string): boolean {
  try {
    return canonicalJson(value) === text
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw problem('json_invalid', { detail: 'not valid UTF-8', cause })
  }
}

// Sticky: `#match` sets lastIndex before each use.
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const PLAIN = /[^"\\\x00-\x1f]+/y
const HEX = /u[0-9a-fA-F]{4}/y

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
/** So many digits fit into a double whatever they are. */
const SAFE_DIGITS = 15

const literals: Readonly<Record<string, readonly [string, null | boolean]>> = {
  t: ['true', true],
  f: ['false', false],
  n: ['null', null],
}
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Reads by character codes: what a hostile caller may send as JSON must not hold up everybody else's calls. */
class Reader {
  readonly #text: string
  readonly #maxDepth: number
  #at = 0

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  document(): JsonValue {
    this.#space()
    const value = this.#value(0)
    this.#space()
    if (this.#at !== this.#text.length) this.#refuse('something follows the value')
    return value
  }

  #value(depth: number): JsonValue {
    if (depth > this.#maxDepth) this.#refuse(`nested deeper than ${this.#maxDepth}`)
    const first = this.#text.charCodeAt(this.#at)
    if (first === QUOTE) return this.#string()
    if (first === OPEN_OBJECT) return this.#object(depth)
    if (first === OPEN_ARRAY) return this.#array(depth)
    if (first === MINUS || isDigit(first)) return this.#number()
    const literal = literals[this.#text[this.#at] ?? '']
    if (literal === undefined || !this.#text.startsWith(literal[0], this.#at)) return this.#refuse('no value here')
    this.#at += literal[0].length
    return literal[1]
  }

  #object(depth: number): JsonValue {
    const object: { [name: string]: JsonValue } = {}
    this.#at += 1
    this.#space()
    if (this.#take(CLOSE_OBJECT)) return object
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#refuse('a name in quotes is missing')
      const name = this.#string()
      if (name === '__proto__') this.#refuse('a name that objects keep for themselves')
      if (Object.hasOwn(object, name)) this.#refuse('a name occurs twice')
      this.#space()
      if (!this.#take(COLON)) this.#refuse('a colon is missing')
      this.#space()
      object[name] = this.#value(depth + 1)
      this.#space()
      if (this.#take(CLOSE_OBJECT)) return object
      if (!this.#take(COMMA)) this.#refuse('a comma or the end of the object is missing')
      this.#space()
    }
  }

  #array(depth: number): JsonValue {
    const array: JsonValue[] = []
    this.#at += 1
    this.#space()
    if (this.#take(CLOSE_ARRAY)) return array
    for (;;) {
      array.push(this.#value(depth + 1))
      this.#space()
      if (this.#take(CLOSE_ARRAY)) return array
      if (!this.#take(COMMA)) this.#refuse('a comma or the end of the array is missing')
      this.#space()
    }
  }

  #number(): number {
    const text = this.#text
    const start = this.#at
    let at = start
    let value = 0
    for (let code = text.charCodeAt(at); isDigit(code); code = text.charCodeAt(++at)) value = value * 10 + code - ZERO
    const plain = at > start && at - start <= SAFE_DIGITS && (text.charCodeAt(start) !== ZERO || at === start + 1)
    if (plain && !goesOn(text.charCodeAt(at))) {
      this.#at = at
      return value
    }
    const token = this.#match(NUMBER)
    if (token === undefined) return this.#refuse('not a number')
    if (!roundTrips(token)) this.#refuse('a number that a double cannot hold')
    return Number(token)
  }

  #string(): string {
    this.#at += 1
    let text = this.#match(PLAIN) ?? ''
    if (this.#take(QUOTE)) return text // UTF-8 that was decoded has no half surrogate pairs; escapes may have
    for (;;) {
      if (!this.#take(BACKSLASH)) this.#refuse('a string with a control character or without an end')
      text += this.#escape()
      if (this.#text.charCodeAt(this.#at) !== BACKSLASH) text += this.#match(PLAIN) ?? ''
      if (this.#take(QUOTE)) break
    }
    if (!text.isWellFormed()) this.#refuse('half of a surrogate pair')
    return text
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? ''
    const short = escapes[letter]
    if (short !== undefined) {
      this.#at += 1
      return short
    }
    const hex = this.#match(HEX)
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(1), 16))
    this.#at += 1
    return this.#refuse('an unknown escape')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return undefined
    const found = this.#text.slice(this.#at, pattern.lastIndex)
    this.#at = pattern.lastIndex
    return found
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false
    this.#at += 1
    return true
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at += 1
    }
  }

  #refuse(detail: string): never {
    throw problem('json_invalid', { detail, facts: { offset: this.#at } })
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Whether a number does not end before this character: `.`, `e` or `E`. */
function goesOn(code: number): boolean {
  return code === 0x2e || code === 0x65 || code === 0x45
}
