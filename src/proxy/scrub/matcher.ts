import { Automaton, type Move, type State } from './automaton.ts'
import { chainsOf } from './chains.ts'
import { Neighbours } from './neighbours.ts'

/**
 * Takes secrets out of what an upstream says. Every byte that belongs to an occurrence of a secret, in any of the
 * promised encodings, is removed; overlapping occurrences become one replacement, adjacent ones one each. How the
 * bytes were cut into chunks never changes the result.
 *
 * Not promised: a secret shorter than SHORTEST_SECRET, reversed, ciphered or compressed (see ../decode.ts), spread
 * over several fields or events with other text between, base64 of base64 (give the encoded value as a secret of its
 * own), and the 2 or 4 bits of a secret's first byte that share a base64 digit with the byte before it.
 */

/** Bytes. Shorter ones are not searched for: they would match by chance everywhere, and are no secrets. */
export const SHORTEST_SECRET = 4

export interface SecretPattern {
  readonly secret: Buffer
  /** Instead of the matcher's replacement. */
  readonly replacement?: string
}

export interface SecretMatcher {
  /** For one body, or one message of a socket. */
  stream(): SecretStream
  /** For a header value, a status text or a trailer, as node:http gives it (one character a byte) or as real text. */
  text(value: string): string
}

/** Where bytes are removed, in bytes since the stream's beginning. `shown`: the replacement has gone out. */
interface Span {
  readonly start: number
  readonly end: number
  readonly text: Buffer
  shown: boolean
}

interface Search {
  readonly automaton: Automaton
  readonly neighbours: Neighbours
  readonly texts: readonly Buffer[]
}

const NOTHING = Buffer.alloc(0)
const scratch = Buffer.alloc(8192)

/** Compiles the search. Do it once per opened credential and keep the result no longer than the credential. */
export function secretMatcher(patterns: readonly SecretPattern[], replacement: string): SecretMatcher {
  const searched = patterns.filter(({ secret }) => secret.length >= SHORTEST_SECRET)
  const shortest = Math.min(...searched.map(({ secret }) => secret.length))
  const fewestCharacters = Math.min(...searched.map(({ secret }) => secret.toString('utf8').length))
  const chains = searched.map(({ secret }) => chainsOf(secret))
  const search = {
    automaton: new Automaton(chains),
    neighbours: new Neighbours(chains.flat(), shortest),
    texts: searched.map((pattern) => Buffer.from(pattern.replacement ?? replacement)),
  }
  return {
    stream: () => new Searching(search),
    text(value) {
      if (value.length < fewestCharacters) return value
      if (value.length * 3 <= scratch.length) {
        const length = scratch.write(value)
        if (length === value.length && search.neighbours.clean(scratch.subarray(0, length))) return value
      }
      const encoding = /^[\0-\xff]*$/.test(value) ? 'latin1' : 'utf8'
      const stream = new Searching(search)
      const bytes = Buffer.concat([stream.push(Buffer.from(value, encoding)), stream.flush()])
      return stream.hits === 0 ? value : bytes.toString(encoding)
    },
  }
}

/** One pass over one body. `push` and `flush` give the bytes that may go on; what may begin a match is held. */
export interface SecretStream {
  /** Replacements made so far. */
  readonly hits: number
  /** Bytes held back now. Never more than the longest spelling of a secret. */
  readonly held: number
  /** Returns `chunk` itself, uncopied, where there is nothing to hold or to remove. */
  push(chunk: Buffer): Buffer
  /** The end: what was held and is no match. */
  flush(): Buffer
}

class Searching implements SecretStream {
  hits = 0
  readonly #search: Search
  /** Where each group of the state began, oldest first; the first #groups count. (Setting an array's length is slow.) */
  readonly #began: number[] = []
  #groups = 0
  #state: State
  #spans: Span[] = []
  #held: Buffer = NOTHING
  /** Bytes pushed before the present chunk. */
  #before = 0

  constructor(search: Search) {
    this.#search = search
    this.#state = search.automaton.root
  }

  get held(): number {
    return this.#held.length
  }

  push(chunk: Buffer): Buffer {
    this.#run(chunk)
    const end = this.#before + chunk.length
    const settled = this.#groups > 0 ? this.#began[0]! : end
    const out = this.#settle(chunk, settled)
    this.#before = end
    return out
  }

  flush(): Buffer {
    const out = this.#settle(NOTHING, this.#before)
    this.#state = this.#search.automaton.root
    this.#groups = 0
    return out
  }

  #run(chunk: Buffer): void {
    const { automaton, neighbours } = this.#search
    const { root, kinds } = automaton
    let state = this.#state
    neighbours.reset()
    for (let at = 0; at < chunk.length; at++) {
      if (state === root) at = neighbours.seek(chunk, at)
      const byte = chunk[at]!
      const move = state.moves[kinds[byte]!] ?? automaton.move(state, byte)
      if (move.found >= 0) this.#found(move, this.#before + at)
      if (move.more.length > 0) this.#carry(move, this.#before + at)
      else this.#groups = move.keep
      state = move.to
    }
    this.#state = state
  }

  /** Moves the beginnings along with their groups, in place: a group never moves to a later place. */
  #carry(move: Move, now: number): void {
    const began = this.#began
    const had = this.#groups
    let place = move.keep
    for (const group of move.more) began[place++] = group < had ? began[group]! : now
    this.#groups = place
  }

  #found(move: Move, now: number): void {
    const start = move.found < this.#groups ? this.#began[move.found]! : now
    const end = now + 1
    const spans = this.#spans
    let span: Span = { start, end, text: this.#search.texts[move.secret]!, shown: false }
    for (let last = spans.at(-1); last !== undefined && last.end > start; last = spans.at(-1)) {
      if (last.start <= span.start) span = { start: last.start, end, text: last.text, shown: last.shown }
      spans.pop()
    }
    spans.push(span)
  }

  /** Everything before `upTo` is decided: gives it, with the spans replaced, and holds the rest. */
  #settle(chunk: Buffer, upTo: number): Buffer {
    if (this.#spans.length === 0 && this.#held.length === 0 && upTo === this.#before + chunk.length) return chunk
    const held = this.#held
    const from = this.#before - held.length
    const bytes = held.length === 0 ? chunk : chunk.length === 0 ? held : Buffer.concat([held, chunk])
    const pieces: Buffer[] = []
    let at = from
    let open: Span | undefined
    for (const span of this.#spans) {
      if (span.start >= upTo) break
      if (!span.shown) {
        pieces.push(bytes.subarray(at - from, span.start - from), span.text)
        this.hits++
        span.shown = true
      }
      at = span.end
      open = span
    }
    if (open !== undefined) this.#spans = this.#spans.slice(this.#spans.indexOf(open) + (open.end > upTo ? 0 : 1))
    if (at < upTo) pieces.push(bytes.subarray(at - from, upTo - from))
    this.#held = upTo - from === bytes.length ? NOTHING : Buffer.from(bytes.subarray(upTo - from))
    return pieces.length > 1 ? Buffer.concat(pieces) : (pieces[0] ?? NOTHING)
  }
}
