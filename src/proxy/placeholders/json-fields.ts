import type { BodyTransform, Emit } from '../transform.ts'

/** What a declared field's text is to be instead; undefined to leave it. May throw a Problem. */
export type InField = (value: string) => string | undefined

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

/** Bytes of one name or value that are held; longer ones are no placeholder and go on as they come. */
const MOST_HELD = 1_024
const DEEPEST = 128

/** One open object or array. */
interface Level {
  readonly isObject: boolean
  /** Pointer to the member that is being read; undefined where no declared field can be below. */
  pointer: string | undefined
  wantsName: boolean
}

/**
 * The members of a JSON body, as it streams by: the text of a declared one is held until it is whole, and may be replaced; all
 * else goes on byte for byte. Of a body that is not JSON nothing is replaced after the place where that shows. Members of
 * arrays are nobody's declared field.
 */
export class JsonFields implements BodyTransform {
  readonly #fields: ReadonlySet<string>
  readonly #inField: InField
  readonly #levels: Level[] = []
  #out: Buffer[] = []
  /** The string that is being read, without its quotes; undefined between strings and in those that nobody asks about. */
  #held: Buffer[] | undefined
  #heldBytes = 0
  #inString = false
  #escaped = false
  #isName = false
  #lost = false

  constructor(fields: ReadonlySet<string>, inField: InField) {
    this.#fields = fields
    this.#inField = inField
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    this.#out = []
    if (this.#lost) this.#letGo()
    let from = 0
    for (let at = 0; at < chunk.length && !this.#lost; at += 1) {
      const byte = chunk[at] as number
      if (this.#inString) {
        if (this.#endsString(byte)) from = this.#closes(chunk, from, at)
      } else if (byte === QUOTE) from = this.#opens(chunk, from, at)
      else this.#structure(byte)
    }
    if (this.#held === undefined) this.#pass(chunk.subarray(from))
    else this.#hold(chunk.subarray(from))
    return this.#send(emit)
  }

  #endsString(byte: number): boolean {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else return byte === QUOTE
    return false
  }

  flush(emit: Emit): void | Promise<void> {
    this.#out = []
    this.#letGo()
    return this.#send(emit)
  }

  #send(emit: Emit): void | Promise<void> {
    const [only] = this.#out
    if (only !== undefined) return emit(this.#out.length === 1 ? only : Buffer.concat(this.#out))
  }

  #pass(bytes: Buffer): void {
    if (bytes.length > 0) this.#out.push(bytes)
  }

  /** Gives from where the chunk's bytes have not gone on yet. */
  #opens(chunk: Buffer, from: number, at: number): number {
    const level = this.#levels.at(-1)
    this.#inString = true
    this.#isName = level?.isObject === true && level.wantsName
    const asked = this.#isName || (level?.isObject === true && this.#fields.has(level.pointer ?? ''))
    if (!asked) return from
    this.#held = []
    this.#heldBytes = 0
    this.#pass(chunk.subarray(from, at + 1))
    return at + 1
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#heldBytes += bytes.length
    // A copy: the chunk's memory is its owner's.
    this.#held?.push(Buffer.from(bytes))
    if (this.#heldBytes <= MOST_HELD) return
    this.#letGo()
    const level = this.#levels.at(-1)
    if (this.#isName && level !== undefined) level.pointer = undefined
  }

  #letGo(): void {
    for (const piece of this.#held ?? []) this.#pass(piece)
    this.#held = undefined
  }

  /** Gives from where the chunk's bytes have not gone on yet: its quote. */
  #closes(chunk: Buffer, from: number, at: number): number {
    this.#inString = false
    if (this.#held === undefined) return from
    this.#hold(chunk.subarray(from, at))
    if (this.#held !== undefined) this.#settle(Buffer.concat(this.#held))
    this.#held = undefined
    return at
  }

  #settle(raw: Buffer): void {
    const text = textOf(raw)
    const level = this.#levels.at(-1)
    if (this.#isName && level !== undefined) {
      level.pointer = text === undefined ? undefined : this.#pointerTo(text)
      this.#pass(raw)
      return
    }
    const instead = text === undefined ? undefined : this.#inField(text)
    this.#pass(instead === undefined ? raw : Buffer.from(JSON.stringify(instead).slice(1, -1)))
  }

  #pointerTo(name: string): string | undefined {
    const around = this.#levels.length === 1 ? '' : this.#levels.at(-2)?.pointer
    return around === undefined ? undefined : `${around}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
  }

  #structure(byte: number): void {
    const level = this.#levels.at(-1)
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const isObject = byte === OPEN_OBJECT
      this.#levels.push({ isObject, pointer: undefined, wantsName: isObject })
      if (this.#levels.length > DEEPEST) this.#lost = true
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      this.#levels.pop()
      if (level?.isObject !== (byte === CLOSE_OBJECT)) this.#lost = true
    } else if (byte === COMMA && level?.isObject === true) {
      level.wantsName = true
      level.pointer = undefined
    } else if (byte === COLON && level !== undefined) level.wantsName = false
  }
}

function textOf(raw: Buffer): string | undefined {
  try {
    return JSON.parse(`"${raw.toString('utf8')}"`) as string
  } catch {
    return undefined
  }
}
