import type { BodyTransform, Emit } from '../transform.ts'
import type { Doubt } from './doubt.ts'
import { CLOSED, JsonGrammar, OFF, OPENED, STRING_BEGINS, STRING_ENDS } from './json-grammar.ts'

/** What a declared field's text is to be instead; undefined to leave it. May throw a Problem. */
export type InField = (value: string) => string | undefined

/** Bytes of one name or value that are held; longer ones are no placeholder and go on as they come. */
const MOST_HELD = 1_024

/**
 * The members of a JSON body, as it streams by: the text of a declared one is held until it is whole, and may be replaced; all
 * else goes on byte for byte. Its invariant: whatever is replaced is in that field for every reader of JSON. A body that is not
 * strictly JSON in UTF-8, or names a declared field or what is around it twice, is in doubt from there on. Members of arrays
 * are nobody's declared field.
 */
export class JsonFields implements BodyTransform {
  readonly #fields: ReadonlySet<string>
  readonly #inField: InField
  readonly #doubt: Doubt
  readonly #grammar = new JsonGrammar()
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })
  /** Of each open object the pointer to the member that is being read; undefined where no declared field can be below. */
  readonly #pointers: (string | undefined)[] = []
  /** Declared fields, and what is around them. */
  readonly #ways: ReadonlySet<string>
  readonly #seen = new Set<string>()
  #out: Buffer[] = []
  /** The string that is being read, without its quotes; undefined between strings and in those that nobody asks about. */
  #held: Buffer[] | undefined
  #heldBytes = 0

  constructor(fields: ReadonlySet<string>, inField: InField, doubt: Doubt) {
    this.#fields = fields
    this.#inField = inField
    this.#doubt = doubt
    this.#ways = waysTo(fields)
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    this.#out = []
    if (!this.#doubt.lost && !this.#isUtf8(chunk)) this.#lose('It is not UTF-8.')
    let from = 0
    for (let at = 0; at < chunk.length && !this.#doubt.lost; at += 1) {
      const step = this.#grammar.step(chunk[at] as number)
      if (step === STRING_BEGINS) from = this.#opens(chunk, from, at)
      else if (step === STRING_ENDS) from = this.#closes(chunk, from, at)
      else if (step === OPENED) this.#pointers.push(undefined)
      else if (step === CLOSED) this.#pointers.pop()
      else if (step === OFF) from = this.#ceases(chunk, from, at)
    }
    if (this.#held === undefined) this.#pass(chunk.subarray(from))
    else this.#hold(chunk.subarray(from))
    return this.#send(emit)
  }

  flush(emit: Emit): void | Promise<void> {
    this.#out = []
    if (!this.#doubt.lost && !this.#grammar.ends()) this.#lose('It is JSON that does not end.')
    return this.#send(emit)
  }

  #isUtf8(chunk: Buffer): boolean {
    try {
      this.#utf8.decode(chunk, { stream: true })
      return true
    } catch {
      return false
    }
  }

  #lose(why: string): void {
    this.#doubt.lose(why)
    this.#letGo()
  }

  #send(emit: Emit): void | Promise<void> {
    const [only] = this.#out
    if (only !== undefined) return emit(this.#out.length === 1 ? only : Buffer.concat(this.#out))
  }

  #pass(bytes: Buffer): void {
    if (bytes.length === 0) return
    if (this.#doubt.lost) this.#doubt.see(bytes)
    this.#out.push(bytes)
  }

  /** Gives from where the chunk's bytes have not gone on yet. */
  #opens(chunk: Buffer, from: number, at: number): number {
    if (!this.#isAsked()) return from
    this.#held = []
    this.#heldBytes = 0
    this.#pass(chunk.subarray(from, at + 1))
    return at + 1
  }

  #isAsked(): boolean {
    const { depth, isName, inObject } = this.#grammar
    if (!isName) return inObject && this.#fields.has(this.#pointers[depth - 1] ?? 'none')
    this.#pointers[depth - 1] = undefined
    return depth === 1 || this.#pointers[depth - 2] !== undefined
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#heldBytes += bytes.length
    // A copy: the chunk's memory is its owner's.
    this.#held?.push(Buffer.from(bytes))
    if (this.#heldBytes > MOST_HELD) this.#letGo()
  }

  #letGo(): void {
    for (const piece of this.#held ?? []) this.#pass(piece)
    this.#held = undefined
  }

  /** Gives from where the chunk's bytes have not gone on yet: its quote. */
  #closes(chunk: Buffer, from: number, at: number): number {
    if (this.#held === undefined) return from
    this.#hold(chunk.subarray(from, at))
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#settle(Buffer.concat(held))
    return at
  }

  #ceases(chunk: Buffer, from: number, at: number): number {
    if (this.#held !== undefined) this.#hold(chunk.subarray(from, at))
    else this.#pass(chunk.subarray(from, at))
    this.#lose('It is not JSON as RFC 8259 has it.')
    return at
  }

  #settle(raw: Buffer): void {
    const text = JSON.parse(`"${raw.toString('utf8')}"`) as string
    if (this.#grammar.isName) {
      this.#pass(raw)
      this.#named(text)
      return
    }
    const instead = this.#inField(text)
    if (instead !== undefined) this.#doubt.replaced()
    this.#pass(instead === undefined ? raw : Buffer.from(JSON.stringify(instead).slice(1, -1)))
  }

  /** Of two members of one name some readers take the first, some the last, some both. */
  #named(name: string): void {
    const { depth } = this.#grammar
    const pointer = `${depth === 1 ? '' : this.#pointers[depth - 2]}/${pointerToken(name)}`
    if (!this.#ways.has(pointer)) return
    if (this.#seen.has(pointer)) this.#lose('It has two members of one name.')
    this.#seen.add(pointer)
    this.#pointers[depth - 1] = pointer
  }
}

/** A name as a part of a pointer (RFC 6901). */
export function pointerToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function waysTo(fields: ReadonlySet<string>): ReadonlySet<string> {
  const ways = new Set<string>()
  for (const field of fields) {
    for (let end = field.indexOf('/', 1); end > 0; end = field.indexOf('/', end + 1)) ways.add(field.slice(0, end))
    ways.add(field)
  }
  return ways
}
