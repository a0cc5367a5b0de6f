import { strictlyEncoded } from '../secret-text.ts'
import type { BodyTransform, Emit } from '../transform.ts'
import type { InField } from './json-fields.ts'

const AMPERSAND = 0x26
/** Bytes of one name and value that are held; longer ones are no placeholder's and go on as they come. */
const MOST_HELD = 2_048

/** The same for a form (application/x-www-form-urlencoded). */
export class FormFields implements BodyTransform {
  readonly #fields: ReadonlySet<string>
  readonly #inField: InField
  #held: Buffer[] = []
  #heldBytes = 0
  /** In a pair that is longer than what is held. */
  #passing = false

  constructor(fields: ReadonlySet<string>, inField: InField) {
    this.#fields = fields
    this.#inField = inField
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    const out: Buffer[] = []
    let from = 0
    for (let at = chunk.indexOf(AMPERSAND); at >= 0; at = chunk.indexOf(AMPERSAND, at + 1)) {
      this.#take(chunk.subarray(from, at), out)
      this.#close(out)
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

  #take(bytes: Buffer, out: Buffer[]): void {
    if (this.#passing) {
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
    if (raw.length > 0) out.push(this.#instead(raw.toString('latin1')) ?? raw)
  }

  #instead(pair: string): Buffer | undefined {
    const equals = pair.indexOf('=')
    if (equals < 0) return undefined
    const name = decoded(pair.slice(0, equals))
    const value = decoded(pair.slice(equals + 1))
    if (name === undefined || value === undefined || !this.#fields.has(`/${name}`)) return undefined
    const instead = this.#inField(value)
    return instead === undefined ? undefined : Buffer.from(`${pair.slice(0, equals)}=${strictlyEncoded(instead)}`)
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
