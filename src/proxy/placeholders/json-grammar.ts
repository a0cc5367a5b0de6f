/**
 * JSON (RFC 8259) as it streams by, byte for byte: says where strings and containers begin and end. It takes nothing that another
 * reader may take otherwise: no comments, no other quotes, no commas too many, nothing behind the text, no byte order mark.
 * The bytes of strings are not checked to be UTF-8.
 */
export const WITHIN = 0
export const STRING_BEGINS = 1
export const STRING_ENDS = 2
export const OPENED = 3
export const CLOSED = 4
/** No JSON text goes on like this, or it nests too deep; nothing after it has a meaning. */
export const OFF = 5
export type Step =
  | typeof WITHIN
  | typeof STRING_BEGINS
  | typeof STRING_ENDS
  | typeof OPENED
  | typeof CLOSED
  | typeof OFF

const MOST_DEPTH = 128
/** Characters of a number: longer ones are nobody's. */
const MOST_PLAIN = 256

const VALUE = 0
const VALUE_OR_END = 1
const NAME = 2
const NAME_OR_END = 3
const COLON = 4
const COMMA_OR_END = 5
const STRING = 6
const ESCAPE = 7
const HEX = 8
const PLAIN = 9
const DONE = 10
const LOST = 11

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON_SIGN = 0x3a
const SMALL_U = 0x75
const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))
const PLAIN_VALUE = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/

export class JsonGrammar {
  /** Of what is open, outermost first: whether it is an object. */
  readonly #open: boolean[] = []
  #state = VALUE
  #hexLeft = 0
  #plain = ''
  /** Whether the string that began last is a member's name. */
  isName = false

  get depth(): number {
    return this.#open.length
  }

  get inObject(): boolean {
    return this.#open.at(-1) === true
  }

  step(byte: number): Step {
    const state = this.#state
    if (state === STRING) return this.#inString(byte)
    if (state === ESCAPE || state === HEX) return this.#inEscape(byte)
    if (state === PLAIN) {
      if (isPlain(byte)) return this.#inPlain(byte)
      if (!this.#endsPlain()) return this.#off()
    }
    return this.#between(byte)
  }

  /** Whether the bytes so far are a whole text. */
  ends(): boolean {
    if (this.#state === PLAIN) return this.#open.length === 0 && PLAIN_VALUE.test(this.#plain)
    return this.#state === DONE
  }

  #inString(byte: number): Step {
    if (byte === QUOTE) {
      this.#state = this.isName ? COLON : this.#afterValue()
      return STRING_ENDS
    }
    if (byte < 0x20) return this.#off()
    if (byte === BACKSLASH) this.#state = ESCAPE
    return WITHIN
  }

  #inEscape(byte: number): Step {
    if (this.#state === ESCAPE) {
      if (byte !== SMALL_U && !ESCAPED.has(byte)) return this.#off()
      this.#state = byte === SMALL_U ? HEX : STRING
      this.#hexLeft = 4
      return WITHIN
    }
    if (!isHex(byte)) return this.#off()
    this.#hexLeft -= 1
    if (this.#hexLeft === 0) this.#state = STRING
    return WITHIN
  }

  #inPlain(byte: number): Step {
    this.#plain += String.fromCharCode(byte)
    return this.#plain.length > MOST_PLAIN ? this.#off() : WITHIN
  }

  #endsPlain(): boolean {
    if (!PLAIN_VALUE.test(this.#plain)) return false
    this.#state = this.#afterValue()
    return true
  }

  #between(byte: number): Step {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return WITHIN
    const state = this.#state
    if (state === VALUE || state === VALUE_OR_END) return this.#value(byte, state === VALUE_OR_END)
    if (state === NAME || state === NAME_OR_END) {
      if (byte === QUOTE) return this.#string(true)
      return state === NAME_OR_END && byte === CLOSE_OBJECT ? this.#close() : this.#off()
    }
    if (state === COLON && byte === COLON_SIGN) this.#state = VALUE
    else if (state !== COMMA_OR_END) return this.#off()
    else if (byte === COMMA) this.#state = this.inObject ? NAME : VALUE
    else return byte === (this.inObject ? CLOSE_OBJECT : CLOSE_ARRAY) ? this.#close() : this.#off()
    return WITHIN
  }

  #value(byte: number, mayEnd: boolean): Step {
    if (byte === QUOTE) return this.#string(false)
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (this.#open.length >= MOST_DEPTH) return this.#off()
      this.#open.push(byte === OPEN_OBJECT)
      this.#state = byte === OPEN_OBJECT ? NAME_OR_END : VALUE_OR_END
      return OPENED
    }
    if (mayEnd && byte === CLOSE_ARRAY) return this.#close()
    if (!isPlain(byte)) return this.#off()
    this.#state = PLAIN
    this.#plain = ''
    return this.#inPlain(byte)
  }

  #string(isName: boolean): Step {
    this.#state = STRING
    this.isName = isName
    return STRING_BEGINS
  }

  #close(): Step {
    this.#open.pop()
    this.#state = this.#afterValue()
    return CLOSED
  }

  #afterValue(): number {
    return this.#open.length === 0 ? DONE : COMMA_OR_END
  }

  #off(): Step {
    this.#state = LOST
    return OFF
  }
}

/** Part of a number, `true`, `false` or `null`. */
function isPlain(byte: number): boolean {
  const isDigit = byte >= 0x30 && byte <= 0x39
  return isDigit || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x45
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}
