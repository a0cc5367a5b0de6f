/**
 * Patterns of conditions: RE2 (cel.dev says so), in time linear in the text. Compiled when the rule is, and kept with it.
 *
 * Operators write patterns, agents choose what they are tried on. The engine notes what it meets, states and characters, so
 * that it need not work them out again: what all patterns noted together is bounded, and let go of when it is too much.
 */
import { RE2JS } from '@bufbuild/re2'

const MAX_SIZE = 2_000
/** Bytes, about, of what is noted: the engine has a table of 128 characters for each state. */
const MAX_NOTED = 32 << 20
const BYTES_OF_STATE = 1_500
const BYTES_OF_CHARACTER = 50
/** Of one pattern: far below the 10,000 at which the engine begins to give up on noting states, for good. */
const MAX_STATES = 1_000

/** Those that noted something since everything was let go of. */
const warm = new Set<Pattern>()
let noted = 0

export class Pattern {
  /** About as many states as it has. */
  readonly size: number
  readonly #text: string
  #compiled: RE2JS | undefined

  /** Throws TypeError: says what is wrong with it. */
  constructor(text: string) {
    this.size = sizeOf(text)
    if (this.size > MAX_SIZE) throw new TypeError('it repeats too much')
    this.#text = text
    try {
      this.#compiled = RE2JS.compile(text)
    } catch {
      throw new TypeError('it is no RE2 pattern')
    }
  }

  /** Whether it is found anywhere in the text. */
  isIn(text: string): boolean {
    this.#compiled ??= RE2JS.compile(this.#text)
    const { dfa } = this.#compiled.re2()
    const before = dfa.stateCount
    const found = this.#compiled.test(text)
    const states = Math.max(0, dfa.stateCount - before)
    this.#note(states * (BYTES_OF_STATE + 4 * this.size) + text.length * BYTES_OF_CHARACTER)
    if (dfa.stateCount > MAX_STATES || dfa.cacheClears > 0) this.forget()
    return found
  }

  /** It is compiled again when it is next used. */
  forget(): void {
    this.#compiled = undefined
  }

  #note(bytes: number): void {
    warm.add(this)
    noted += bytes
    if (noted <= MAX_NOTED) return
    for (const pattern of warm) pattern.forget()
    warm.clear()
    noted = 0
  }
}

/** Its length, times what it repeats by number. */
function sizeOf(text: string): number {
  let size = Math.max(1, text.length)
  for (const [, from, to] of text.matchAll(/\{([0-9]+)(?:,([0-9]*))?\}/g)) {
    size *= Math.max(1, Number(from), Number(to ?? 0))
  }
  return size
}
