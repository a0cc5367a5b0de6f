import { strictlyEncoded } from '../secret-text.ts'
import type { BodyTransform, Emit } from '../transform.ts'
import type { Doubt } from './doubt.ts'
import { type InField, pointerToken } from './json-fields.ts'

const AMPERSAND = 0x26
const SEMICOLON = 0x3b
/** Bytes of one name and value that are held; longer ones are no placeholder's and go on as they come. */
const MOST_HELD = 2_048

/**
 * The same for a form (application/x-www-form-urlencoded): one with a `;`, which ends a field for some readers, with bytes that
 * no encoder leaves, with a charset of its own or a declared field twice is in doubt.
 */
export class FormFields implements BodyTransform {
  readonly #fields: ReadonlySet<string>
  readonly #inField: InField
  readonly #doubt: Doubt
  readonly #seen = new Set<string>()
  #held: Buffer[] = []
  #heldBytes = 0
  /** In a pair that is longer than what is held. */
  #passing = false

  constructor(fields: ReadonlySet<string>, inField: InField, doubt: Doubt) {
    this.#fields = fields
    this.#inField = inField
    this.#doubt = doubt
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    const out: Buffer[] = []
    if (!this.#doubt.lost && holdsOdd(chunk)) this.#lose('It is not encoded as forms are.', out)
    let from = 0
    for (let at = chunk.indexOf(AMPERSAND); at >= 0 && !this.#doubt.lost; at = chunk.indexOf(AMPERSAND, at + 1)) {
      this.#take(chunk.subarray(from, at), out)
      this.#close(out)
      from = at
      if (this.#doubt.lost) break
      out.push(chunk.subarray(at, at + 1))
      from = at + 1
    }
    this.#take(chunk.subarray(from), out)
    if (out.length > 0) return emit(Buffer.concat(out))
  }

  flush(emit: Emit): void | Promise<void> {
    const out: Buffer[] = []
    this.#close(out)
    const bytes = Buffer.concat(out)
    if (bytes.length > 0) return emit(bytes)
  }

  #lose(why: string, out: Buffer[]): void {
    this.#doubt.lose(why)
    for (const piece of this.#held.splice(0)) this.#take(piece, out)
  }

  #take(bytes: Buffer, out: Buffer[]): void {
    if (bytes.length === 0) return
    if (this.#doubt.lost) this.#doubt.see(bytes)
    if (this.#passing || this.#doubt.lost) {
      out.push(bytes)
      return
    }
    this.#heldBytes += bytes.length
    this.#held.push(Buffer.from(bytes))
    if (this.#heldBytes <= MOST_HELD) return
    out.push(...this.#held.splice(0))
    this.#passing = true
  }

  #close(out: Buffer[]): void {
    const raw = Buffer.concat(this.#held.splice(0))
    this.#heldBytes = 0
    this.#passing = false
    if (raw.length === 0) return
    const instead = this.#instead(raw.toString('latin1'))
    if (instead !== undefined) out.push(instead)
    else this.#passRaw(raw, out)
  }

  #passRaw(raw: Buffer, out: Buffer[]): void {
    if (this.#doubt.lost) this.#doubt.see(raw)
    out.push(raw)
  }

  #instead(pair: string): Buffer | undefined {
    const equals = pair.indexOf('=')
    if (equals < 0) return undefined
    const name = decoded(pair.slice(0, equals))
    const value = decoded(pair.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    if (name === '_charset_' && !/^utf-8$/i.test(value)) this.#doubt.lose('Its charset is not UTF-8.')
    if (!this.#fields.has(`/${pointerToken(name)}`)) return undefined
    if (this.#seen.has(name)) this.#doubt.lose('It has two fields of one name.')
    this.#seen.add(name)
    const instead = this.#doubt.lost ? undefined : this.#inField(value)
    if (instead === undefined) return undefined
    this.#doubt.replaced()
    return Buffer.from(`${pair.slice(0, equals)}=${strictlyEncoded(instead)}`)
  }
}

function holdsOdd(chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += 1) {
    const byte = chunk[at] as number
    if (byte < 0x20 || byte > 0x7e || byte === SEMICOLON) return true
  }
  return false
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
