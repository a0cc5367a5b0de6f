import { hash } from 'node:crypto'

/** Slots of a new generation: a power of two, as every size after it. */
const FIRST_SLOTS = 1_024

/**
 * What was used up lately, by 64 bits of a keyed hash. It forgets by whole generations, never because there is no more
 * room: then it says so, and the caller refuses. Two things in one place are taken for one, which refuses somebody one
 * time in 2⁴³ and lets nobody in.
 */
export class SeenSet {
  readonly #key: string
  readonly #most: number
  #now: Generation
  #before: Generation
  #number: number

  /** `most` entries a generation, eight bytes each and as many free; two generations are kept. */
  constructor(key: string, most: number) {
    this.#key = key
    this.#most = most
    this.#now = new Generation()
    this.#before = new Generation()
    this.#number = 0
  }

  /** Notes it, in the generation of that number: what was noted in it or in the one before it is `seen`. */
  use(text: string, generation: number): 'new' | 'seen' | 'full' {
    this.#turnTo(generation)
    const bytes = hash('sha256', this.#key + text, 'buffer')
    const [high, low] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
    if (this.#before.has(high, low) || this.#now.has(high, low)) return 'seen'
    if (this.#now.size >= this.#most) return 'full'
    this.#now.add(high, low)
    return 'new'
  }

  #turnTo(generation: number): void {
    if (generation <= this.#number) return
    this.#before = generation === this.#number + 1 ? this.#now : new Generation()
    this.#now = new Generation()
    this.#number = generation
  }
}

/** Open addressing over pairs of 32 bits; a free slot is two zeroes. */
class Generation {
  size = 0
  #slots = new Uint32Array(2 * FIRST_SLOTS)

  has(high: number, low: number): boolean {
    return this.#slots[this.#place(high, low || 1) + 1] !== 0
  }

  add(high: number, low: number): void {
    if (4 * (this.size + 1) > this.#slots.length) this.#grow()
    this.#put(high, low || 1)
    this.size += 1
  }

  /** Where the pair stands, or where it would. `low` is never zero. */
  #place(high: number, low: number): number {
    const slots = this.#slots
    const last = slots.length - 1
    let at = (2 * high) & last
    while (slots[at + 1] !== 0 && (slots[at] !== high || slots[at + 1] !== low)) at = (at + 2) & last
    return at
  }

  #put(high: number, low: number): void {
    const at = this.#place(high, low)
    this.#slots[at] = high
    this.#slots[at + 1] = low
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(2 * old.length)
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at + 1] as number
      if (low !== 0) this.#put(old[at] as number, low)
    }
  }
}
