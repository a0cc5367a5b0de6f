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
const SPACE = /[ \t\n\r]+/y

const literals: readonly (readonly [string, null | boolean])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
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
    const first = this.#text[this.#at]
    if (first === '"') return this.#string()
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '-' || (first !== undefined && first >= '0' && first <= '9')) return this.#number()
    for (const [word, value] of literals) if (this.#take(word)) return value
    return this.#refuse('no value here')
  }

  #object(depth: number): JsonValue {
    const object: { [name: string]: JsonValue } = {}
    this.#at += 1
    this.#space()
    if (this.#take('}')) return object
    for (;;) {
      if (this.#text[this.#at] !== '"') this.#refuse('a name in quotes is missing')
      const name = this.#string()
      if (name === '__proto__') this.#refuse('a name that objects keep for themselves')
      if (Object.hasOwn(object, name)) this.#refuse('a name occurs twice')
      this.#space()
      if (!this.#take(':')) this.#refuse('a colon is missing')
      this.#space()
      object[name] = this.#value(depth + 1)
      this.#space()
      if (this.#take('}')) return object
      if (!this.#take(',')) this.#refuse('a comma or the end of the object is missing')
      this.#space()
    }
  }

  #array(depth: number): JsonValue {
    const array: JsonValue[] = []
    this.#at += 1
    this.#space()
    if (this.#take(']')) return array
    for (;;) {
      array.push(this.#value(depth + 1))
      this.#space()
      if (this.#take(']')) return array
      if (!this.#take(',')) this.#refuse('a comma or the end of the array is missing')
      this.#space()
    }
  }

  #number(): number {
    const token = this.#match(NUMBER)
    if (token === undefined) return this.#refuse('not a number')
    if (!roundTrips(token)) this.#refuse('a number that a double cannot hold')
    return Number(token)
  }

  #string(): string {
    this.#at += 1
    let text = ''
    for (;;) {
      text += this.#match(PLAIN) ?? ''
      if (this.#take('"')) break
      if (!this.#take('\\')) this.#refuse('a string with a control character or without an end')
      text += this.#escape()
    }
    if (!text.isWellFormed()) this.#refuse('half of a surrogate pair')
    return text
  }

  #escape(): string {
    const hex = this.#match(HEX)
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(1), 16))
    const letter = this.#text[this.#at] ?? ''
    this.#at += 1
    return escapes[letter] ?? this.#refuse('an unknown escape')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #space(): void {
    this.#match(SPACE)
  }

  #refuse(detail: string): never {
    throw problem('json_invalid', { detail, facts: { offset: this.#at } })
  }
}
