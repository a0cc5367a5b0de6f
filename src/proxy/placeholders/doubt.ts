/**
 * What becomes of a body whose fields cannot be told for certain: from there on nothing is replaced, and nothing that stands for a
 * credential may be in it, because another reader may find it in another field. What holds nothing of ours goes on as it came.
 */
import { handleText } from '../../ground/placeholder-shape.ts'
import { proxyProblem } from '../problems.ts'
import type { BodyTransform, Emit } from '../transform.ts'
import { type Escapes, MarkWatch } from './mark-scan.ts'

const HANDLE = handleText('')

export class Doubt {
  readonly #watch: MarkWatch
  #why: string | undefined
  #isReplaced = false
  #tail = ''

  constructor(escapes: Escapes) {
    this.#watch = new MarkWatch(escapes, () => unreadable(this.#why ?? ''))
  }

  get lost(): boolean {
    return this.#why !== undefined
  }

  /** A secret took its place in what was read so far. */
  replaced(): void {
    this.#isReplaced = true
  }

  /** Throws Problem `placeholder_unreadable` where a secret is in it already. */
  lose(why: string): void {
    if (this.#isReplaced) throw unreadable(why)
    this.#why ??= why
  }

  /** What came since. Throws Problem `placeholder_unreadable`. */
  see(bytes: Buffer): void {
    this.#watch.see(bytes)
    const text = this.#tail + bytes.toString('latin1')
    if (text.includes(HANDLE)) throw unreadable(this.#why ?? '')
    this.#tail = text.slice(1 - HANDLE.length)
  }
}

/** A body that is in doubt from its first byte on. */
export class Unread implements BodyTransform {
  readonly keepsLength = true
  readonly #doubt: Doubt

  constructor(escapes: Escapes, why: string) {
    this.#doubt = new Doubt(escapes)
    this.#doubt.lose(why)
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    this.#doubt.see(chunk)
    return emit(chunk)
  }

  flush(): void {}
}

export function unreadable(why: string) {
  return proxyProblem('placeholder_unreadable', { detail: why })
}
