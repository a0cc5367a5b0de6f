/** A small seeded source of numbers (mulberry32), so that a printed seed replays a run exactly. Never for secrets. */
export interface Seeded {
  readonly seed: number
  /** A whole number in [0, below). */
  below(below: number): number
  pick<T>(list: readonly T[]): T
  /** The list in another order; the argument is left alone. */
  shuffle<T>(list: readonly T[]): T[]
  bytes(length: number): Buffer
  chance(oneIn: number): boolean
}

export function seeded(seed: number): Seeded {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit)
  return {
    seed,
    below,
    pick: (list) => list[below(list.length)]!,
    shuffle: (list) => {
      const out = [...list]
      for (let i = out.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const held = out[i]!
        out[i] = out[j]!
        out[j] = held
      }
      return out
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => next() & 0xff)),
    chance: (oneIn) => below(oneIn) === 0,
  }
}

/** The seed of this run: `CLAVIGER_TEST_SEED` to replay, else from the clock. Printed, so that a failure can be replayed. */
export function runSeed(suite: string): number {
  const given = process.env.CLAVIGER_TEST_SEED
  const seed = given === undefined ? Date.now() >>> 0 : Number(given) >>> 0
  console.log(`# seed ${suite} ${seed}`)
  return seed
}
