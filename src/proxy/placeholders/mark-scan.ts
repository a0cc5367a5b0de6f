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

/** Sees bytes before they go on, and throws Problem `placeholder_misplaced` when a mark becomes whole: its end never goes on. */
export class MarkWatch {
  readonly #escapes: Escapes | undefined
  /** Bytes before and behind a border that a mark across it can have. */
  readonly #reach: number
  readonly #problem: () => Error
  #tail: Buffer = NOTHING

  constructor(escapes?: Escapes, problem: () => Error = () => misplaced('the body')) {
    this.#escapes = escapes
    this.#problem = problem
    this.#reach = MARK.length * (escapes?.length ?? 1) - 1
  }

  /** What belongs to nothing before or behind it. */
  alone(bytes: Buffer): void {
    if (holdsMark(bytes, this.#escapes)) throw this.#problem()
  }

  see(bytes: Buffer): void {
    const border = this.#tail.length === 0 ? NOTHING : Buffer.concat([this.#tail, bytes.subarray(0, this.#reach)])
    if (holdsMark(bytes, this.#escapes) || holdsMark(border, this.#escapes)) throw this.#problem()
    const rest = bytes.length < this.#reach && border.length > 0 ? border : bytes
    // A copy: the bytes' memory is its owner's.
    this.#tail = Buffer.from(rest.subarray(Math.max(0, rest.length - this.#reach)))
  }
}

/**
 * Passes a body on unchanged, at once and uncopied, as long as no mark is in it. It holds nothing back: a service may wait for the
 * last byte of a message before it answers, and the client for that answer before it goes on.
 */
export class MarkScan implements BodyTransform {
  readonly keepsLength = true
  readonly #watch: MarkWatch

  constructor(escapes?: Escapes) {
    this.#watch = new MarkWatch(escapes)
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    this.#watch.see(chunk)
    return emit(chunk)
  }

  flush(): void {}
}
