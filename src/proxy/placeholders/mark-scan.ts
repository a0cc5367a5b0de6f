import { MARK } from '../../ground/placeholder-shape.ts'
import type { BodyTransform, Emit } from '../transform.ts'
import { misplaced } from './book.ts'

const MARK_BYTES = Buffer.from(MARK)
const NOTHING = Buffer.alloc(0)

/** How a kind of body may spell a character: what an escape of one of the mark's letters begins with, and how to read it. */
export interface Escapes {
  readonly begin: Buffer
  /** The byte that any escape begins with. */
  readonly sign: number
  readonly form: RegExp
  /** Of one character, bytes. */
  readonly length: number
}

export const FORM_ESCAPES: Escapes = { begin: Buffer.from('%6'), sign: 0x25, form: /%(6[1-6])/g, length: 3 }
export const JSON_ESCAPES: Escapes = { begin: Buffer.from('\\u006'), sign: 0x5c, form: /\\u00(6[1-6])/g, length: 6 }

/** Whether the mark stands anywhere in the bytes, spelled as it is or with the escapes of its kind of body. */
export function holdsMark(bytes: Buffer, escapes?: Escapes): boolean {
  if (bytes.includes(MARK_BYTES)) return true
  // One byte is sought fastest, and most bodies hold none.
  if (escapes === undefined || !bytes.includes(escapes.sign) || !bytes.includes(escapes.begin)) return false
  return readEscapes(bytes.toString('latin1'), escapes).includes(MARK)
}

function readEscapes(text: string, { form }: Escapes): string {
  return text.replace(form, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/**
 * Passes a body on unchanged, as long as no mark is in it; a mark throws Problem `placeholder_misplaced` before its last byte
 * went on. Holds back what may be its beginning, and nearly always that is nothing: then the chunk itself goes on, uncopied.
 */
export class MarkScan implements BodyTransform {
  readonly keepsLength = true
  readonly #escapes: Escapes | undefined
  #held: Buffer = NOTHING

  constructor(escapes?: Escapes) {
    this.#escapes = escapes
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (holdsMark(bytes, this.#escapes)) throw misplaced('the body')
    const end = bytes.length - this.#maybe(bytes)
    // A copy: the chunk's memory is its owner's.
    this.#held = end === bytes.length ? NOTHING : Buffer.from(bytes.subarray(end))
    if (end > 0) return emit(end === bytes.length ? bytes : bytes.subarray(0, end))
  }

  flush(emit: Emit): void | Promise<void> {
    const held = this.#held
    this.#held = NOTHING
    if (held.length > 0) return emit(held)
  }

  /** How many bytes at the end may be the beginning of a mark. */
  #maybe(bytes: Buffer): number {
    const escapes = this.#escapes
    if (escapes !== undefined) {
      const most = Math.min(bytes.length, MARK.length * escapes.length - 1)
      const tail = bytes.subarray(bytes.length - most)
      // Letters before an escape belong to it.
      if (tail.includes(escapes.sign)) return most
    }
    for (let length = Math.min(MARK.length - 1, bytes.length); length > 0; length -= 1) {
      if (bytes.compare(MARK_BYTES, 0, length, bytes.length - length) === 0) return length
    }
    return 0
  }
}

/** The same for what cannot be held back: throws when the mark becomes whole, so that its last byte at the least does not go on. */
export class MarkWatch {
  #tail: Buffer = NOTHING

  see(bytes: Buffer): void {
    const edge = Buffer.concat([this.#tail, bytes.subarray(0, MARK.length - 1)])
    if (bytes.includes(MARK_BYTES) || edge.includes(MARK_BYTES)) throw misplaced('a message')
    const rest = bytes.length < MARK.length - 1 ? edge : bytes
    this.#tail = Buffer.from(rest.subarray(Math.max(0, rest.length - MARK.length + 1)))
  }
}
