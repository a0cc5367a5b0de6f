/**
 * Picks scalars out of a JSON text while it comes, by where they stand, and holds nothing else of it: names of members on the
 * way (`usage.input_tokens`, `*` for any element of a list) down to a few levels. Names are compared in small letters where
 * `folds` says so, as some servers do. What is no JSON, or nests too deep, is given up: nothing more is picked of it.
 *
 * It is not built on `JsonGrammar` of `proxy/placeholders/`, which stops at each byte of a string, because a replaced text may lie
 * in it: this one skips strings, and reads three times as fast what all answers consist of.
 */
const OBJECT = 1
const LIST = 2
const MOST_DEPTH = 512
/** Levels of names that are kept. */
const NAMED = 4
const MOST_NAME = 256
const MOST_VALUE = 512

const START = 0
const NAME_OR_END = 1
const COLON = 2
const COMMA = 3
const STRING = 4
const PLAIN = 5
const LOST = 6

export class JsonPicker {
  readonly #wanted: ReadonlySet<string>
  readonly #onValue: (path: string, text: string, written: string) => void
  readonly #folds: boolean
  readonly #stack = new Uint8Array(MOST_DEPTH)
  readonly #names: string[] = []
  /** The same, in the letters in which they came. */
  readonly #written: string[] = []
  #depth = 0
  #state = START
  /** Objects and lists in the outermost list that are complete. */
  elements = 0
  #isName = false
  #escaped = false
  /** What is kept of the string or word that is being read; undefined where nothing is. */
  #kept: Buffer[] | undefined
  #keptBytes = 0
  /** A value that was wanted is longer than what is kept of one. */
  #tooLong = false

  constructor(
    wanted: ReadonlySet<string>,
    onValue: (path: string, text: string, written: string) => void,
    folds = false,
  ) {
    this.#wanted = wanted
    this.#onValue = onValue
    this.#folds = folds
  }

  /** Another text begins. */
  reset(): void {
    this.#depth = 0
    this.#state = START
    this.#escaped = false
    this.#kept = undefined
  }

  /** It was no JSON, too deep, or what was wanted of it too long. */
  get lost(): boolean {
    return this.#state === LOST
  }

  /** The outermost object or list was closed, and nothing but space came after it. */
  get whole(): boolean {
    return this.#depth === 0 && this.#state === COMMA
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && this.#state !== LOST) {
      if (this.#state === STRING) at = this.#readString(chunk, at)
      else if (this.#state === PLAIN) at = this.#readPlain(chunk, at)
      else at = this.#read(chunk[at] as number, at)
    }
  }

  /** The text is complete: a number at its very end has no other sign of that. */
  end(): void {
    if (this.#state === PLAIN) this.#endValue(false)
  }

  #read(byte: number, at: number): number {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1
    const state = this.#state
    if (byte === 0x7d || byte === 0x5d) this.#close(byte === 0x7d ? OBJECT : LIST)
    else if (state === COMMA && byte === 0x2c && this.#depth > 0) this.#state = this.#inObject ? NAME_OR_END : START
    else if (state === COLON && byte === 0x3a) this.#state = START
    else if (byte === 0x22 && (state === START || state === NAME_OR_END)) this.#beginString(state === NAME_OR_END)
    else if (state === START && (byte === 0x7b || byte === 0x5b)) this.#open(byte === 0x7b ? OBJECT : LIST)
    else if (state === START && isPlain(byte)) {
      this.#beginValue()
      this.#state = PLAIN
      return at
    } else this.#state = LOST
    return at + 1
  }

  get #inObject(): boolean {
    return this.#depth > 0 && this.#stack[this.#depth - 1] === OBJECT
  }

  #open(kind: number): void {
    if (this.#depth >= MOST_DEPTH) {
      this.#state = LOST
      return
    }
    if (this.#depth < NAMED) this.#names[this.#depth] = this.#written[this.#depth] = '*'
    this.#stack[this.#depth] = kind
    this.#depth += 1
    this.#state = kind === OBJECT ? NAME_OR_END : START
  }

  #close(kind: number): void {
    const open = this.#depth === 0 ? 0 : this.#stack[this.#depth - 1]
    if (open !== kind || this.#state === COLON) {
      this.#state = LOST
      return
    }
    this.#depth -= 1
    this.#state = COMMA
    if (this.#depth === 1 && this.#stack[0] === LIST) this.elements += 1
  }

  #beginString(isName: boolean): void {
    this.#state = STRING
    this.#isName = isName
    this.#escaped = false
    if (!isName) this.#beginValue()
    else this.#keep(this.#depth <= NAMED)
  }

  #beginValue(): void {
    this.#keep(this.#depth <= NAMED && this.#wanted.has(this.#path()))
  }

  #keep(wanted: boolean): void {
    this.#kept = wanted ? [] : undefined
    this.#keptBytes = 0
    this.#tooLong = false
  }

  #path(): string {
    return this.#names.slice(0, this.#depth).join('.')
  }

  #readString(chunk: Buffer, from: number): number {
    let at = from
    if (this.#escaped) {
      this.#escaped = false
      at += 1
    }
    let quote = chunk.indexOf(0x22, at)
    let slash = chunk.indexOf(0x5c, at)
    while (slash >= 0 && (quote < 0 || slash < quote)) {
      at = slash + 2
      if (at > chunk.length) this.#escaped = true
      if (quote >= 0 && quote < at) quote = chunk.indexOf(0x22, at)
      slash = chunk.indexOf(0x5c, at)
    }
    const end = quote < 0 ? chunk.length : quote
    this.#take(chunk, from, end)
    if (quote < 0) return chunk.length
    if (this.#isName) this.#endName()
    else this.#endValue(true)
    return quote + 1
  }

  #readPlain(chunk: Buffer, from: number): number {
    let at = from
    while (at < chunk.length && isPlain(chunk[at] as number)) at += 1
    this.#take(chunk, from, at)
    if (at < chunk.length) this.#endValue(false)
    return at
  }

  #take(chunk: Buffer, from: number, end: number): void {
    if (this.#kept === undefined || end <= from) return
    this.#keptBytes += end - from
    if (this.#keptBytes > (this.#isName ? MOST_NAME : MOST_VALUE)) {
      this.#kept = undefined
      this.#tooLong = !this.#isName
    }
    // A copy: the chunk is somebody else's.
    else this.#kept.push(Buffer.from(chunk.subarray(from, end)))
  }

  #endName(): void {
    this.#state = COLON
    this.#isName = false
    if (this.#depth > NAMED) return
    const name = this.#kept === undefined ? '' : unescaped(Buffer.concat(this.#kept).toString('utf8'))
    this.#written[this.#depth - 1] = name
    this.#names[this.#depth - 1] = this.#folds ? name.toLowerCase() : name
  }

  #endValue(isString: boolean): void {
    const kept = this.#kept
    this.#kept = undefined
    this.#state = this.#depth === 0 || this.#tooLong ? LOST : COMMA
    if (kept === undefined) return
    const text = Buffer.concat(kept).toString('utf8')
    const written = this.#written.slice(0, this.#depth).join('.')
    this.#onValue(this.#path(), isString ? unescaped(text) : text, written)
  }
}

/** Part of a number, `true`, `false` or `null`. */
function isPlain(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x45
  )
}

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return text
  }
}
