/**
 * Whether bytes are one JSON text, as `JSON.parse` judges it: the grammar of RFC 8259 and nothing else. For JSON that is
 * passed on as it was written: nothing is made of it, and what is no JSON costs no exception. Whether the bytes of strings
 * are UTF-8 is the caller's to know.
 */

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const SMALL_U = 0x75
const OPEN_OBJECT = 0x7b
/** From what opens to what closes: `[` to `]`, `{` to `}`. */
const TO_CLOSE = 2
/** The end of what is not there. */
const BROKEN = -1

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')
/** What may follow a backslash, but for `u`. */
const escapes: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))

/** What is open, from the outside in, for all but very deep texts: nobody waits while it is in use. */
const usual = new Uint8Array(256)

export function isJsonText(bytes: Uint8Array): boolean {
  let open = usual
  let depth = 0
  let at = afterSpace(bytes, 0)
  for (;;) {
    const first = bytes[at]
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      if (depth === open.length) open = doubled(open)
      open[depth] = first
      depth += 1
      at = afterSpace(bytes, at + 1)
      if (bytes[at] !== first + TO_CLOSE) {
        if (first === OPEN_OBJECT) at = afterName(bytes, at)
        if (at === BROKEN) return false
        continue
      }
    } else {
      at = afterScalar(bytes, at, first)
      if (at === BROKEN) return false
      at = afterSpace(bytes, at)
    }
    // A value, or what is in one, is complete: what is behind it ends what it stands in, or begins the next.
    while (depth > 0 && bytes[at] === (open[depth - 1] as number) + TO_CLOSE) {
      depth -= 1
      at = afterSpace(bytes, at + 1)
    }
    if (depth === 0) return at === bytes.length
    if (bytes[at] !== COMMA) return false
    at = afterSpace(bytes, at + 1)
    if (open[depth - 1] === OPEN_OBJECT) at = afterName(bytes, at)
    if (at === BROKEN) return false
  }
}

function doubled(open: Uint8Array): Uint8Array<ArrayBuffer> {
  const more = new Uint8Array(open.length * 2)
  more.set(open)
  return more
}

/** Past a name, its colon and the space around that. */
function afterName(bytes: Uint8Array, at: number): number {
  const end = bytes[at] === QUOTE ? afterString(bytes, at + 1) : BROKEN
  if (end === BROKEN) return BROKEN
  const colon = afterSpace(bytes, end)
  return bytes[colon] === COLON ? afterSpace(bytes, colon + 1) : BROKEN
}

function afterScalar(bytes: Uint8Array, at: number, first: number | undefined): number {
  if (first === QUOTE) return afterString(bytes, at + 1)
  if (first === MINUS || isDigit(first)) return afterNumber(bytes, at)
  if (first === TRUE[0]) return afterWord(bytes, at, TRUE)
  if (first === FALSE[0]) return afterWord(bytes, at, FALSE)
  return first === NULL[0] ? afterWord(bytes, at, NULL) : BROKEN
}

function afterWord(bytes: Uint8Array, at: number, word: Uint8Array): number {
  for (let i = 1; i < word.length; i++) if (bytes[at + i] !== word[i]) return BROKEN
  return at + word.length
}

/** `at`: behind the first quote. */
function afterString(bytes: Uint8Array, at: number): number {
  for (let next = at; next < bytes.length; next++) {
    const byte = bytes[next] as number
    if (byte === QUOTE) return next + 1
    if (byte < 0x20) return BROKEN
    if (byte !== BACKSLASH) continue
    next += 1
    if (bytes[next] === SMALL_U) {
      if (!fourHex(bytes, next + 1)) return BROKEN
      next += 4
    } else if (!escapes.has(bytes[next] as number)) return BROKEN
  }
  return BROKEN
}

function fourHex(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i]
    const letter = (byte ?? 0) | 0x20
    if (!isDigit(byte) && !(letter >= 0x61 && letter <= 0x66)) return false
  }
  return true
}

function afterNumber(bytes: Uint8Array, from: number): number {
  const whole = bytes[from] === MINUS ? from + 1 : from
  let at = bytes[whole] === ZERO ? whole + 1 : afterDigits(bytes, whole)
  if (at !== BROKEN && bytes[at] === DOT) at = afterDigits(bytes, at + 1)
  if (at === BROKEN || ((bytes[at] ?? 0) | 0x20) !== 0x65) return at
  const sign = bytes[at + 1]
  return afterDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1)
}

/** Past at least one digit. */
function afterDigits(bytes: Uint8Array, from: number): number {
  let at = from
  while (isDigit(bytes[at])) at += 1
  return at === from ? BROKEN : at
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from
  for (;;) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at += 1
  }
}
