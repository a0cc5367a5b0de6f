import type { Chain } from './chains.ts'

/**
 * Which two bytes may stand side by side within an occurrence. An occurrence of `shortest` bytes is a row of
 * `shortest - 1` such pairs, so looking at one pair in every `shortest - 1` rules out nearly all of a clean text.
 */
export class Neighbours {
  readonly #pairs = new Uint8Array(8192)
  readonly #row: number
  /** Every pair from the last result of `seek` to this index is known to be possible. */
  #known = -1

  /** `shortest`: bytes of the shortest occurrence. */
  constructor(chains: readonly Chain[], shortest: number) {
    this.#row = shortest - 1
    for (const fragment of new Set(chains.flatMap((chain) => chain.units))) {
      for (const pair of fragment.pairs) this.#add(pair)
    }
    for (const { units } of chains) {
      for (const [index, { lasts }] of units.entries()) {
        for (const last of lasts) {
          for (const first of units[index + last.units]?.firsts ?? []) this.#add((last.byte << 8) | first)
        }
      }
    }
  }

  /** Call before the first `seek` in a chunk. */
  reset(): void {
    this.#known = -1
  }

  /**
   * The smallest index from `at` on where an occurrence may begin: one that fits in the chunk, or one that would go
   * on after it; at worst the last byte, which alone is no pair. Looks at each pair once, however often it is called.
   */
  seek(chunk: Buffer, at: number): number {
    const pairs = this.#pairs
    const row = this.#row
    const lastPair = chunk.length - 2
    let low = at
    let known = this.#known
    for (;;) {
      // An occurrence that begins at low … probe has the pair at `probe`.
      const probe = Math.min(low + row - 1, lastPair)
      const stop = Math.max(low - 1, known)
      let i = probe
      while (i > stop) {
        const pair = (chunk[i]! << 8) | chunk[i + 1]!
        if ((pairs[pair >> 3]! & (1 << (pair & 7))) === 0) break
        i--
      }
      if (probe > known) known = probe
      if (i <= stop) break
      low = i + 1
      if (probe === lastPair) break
    }
    this.#known = known
    return low
  }

  /** Whether no occurrence lies in `text`, which is all there is. May say no where there is none. */
  clean(text: Buffer): boolean {
    this.reset()
    return text.length - this.seek(text, 0) <= this.#row
  }

  #add(pair: number): void {
    this.#pairs[pair >> 3]! |= 1 << (pair & 7)
  }
}
