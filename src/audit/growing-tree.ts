import { EMPTY_ROOT, HASH_BYTES, rootOver } from './tree.ts'

export const TILE_WIDTH = 256
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES

/** Called with each tile when it is full. The bytes are a copy. */
export type OnTile = (level: number, index: number, bytes: Buffer) => void

interface Level {
  readonly hashes: Buffer
  width: number
  /** Full tiles so far. */
  tiles: number
}

/**
 * A tree that only grows, kept as the unfinished tile of each level: adding a leaf writes 32 bytes, and once in 256 times
 * makes the root of a tile, which is a leaf of the level above.
 */
export class GrowingTree {
  readonly #levels: Level[] = []
  readonly #onTile: OnTile
  #size = 0
  #root: Buffer | undefined

  constructor(onTile: OnTile = () => {}) {
    this.#onTile = onTile
  }

  get size(): number {
    return this.#size
  }

  /** Adds a leaf hash, base64url as `leafHash` gives it. */
  add(leaf: string): void {
    const level = this.#level(0)
    level.hashes.write(leaf, level.width * HASH_BYTES, 'base64url')
    this.#size += 1
    this.#root = undefined
    this.#grown(0, level)
  }

  /** Adds the root of a complete subtree of 256^level leaves; everything below that level must be complete. */
  addSubtree(height: number, root: Uint8Array): void {
    if (this.#levels.slice(0, height).some((below) => below.width > 0)) throw new RangeError('tree: not at a border')
    const level = this.#level(height)
    level.hashes.set(root, level.width * HASH_BYTES)
    this.#size += TILE_WIDTH ** height
    this.#root = undefined
    for (let below = 0; below < height; below += 1) this.#level(below).tiles = this.#size / TILE_WIDTH ** (below + 1)
    this.#grown(height, level)
  }

  /** The root as RFC 6962 has it: from the lowest unfinished tile up, what is right of a tile being its last entry. */
  root(): Buffer {
    if (this.#root !== undefined) return this.#root
    let right: Buffer | undefined
    for (const { hashes, width } of this.#levels) {
      if (width + (right ? 1 : 0) === 0) continue
      const row = Buffer.concat([hashes.subarray(0, width * HASH_BYTES), ...(right ? [right] : [])])
      right = rootOver(row, row.length / HASH_BYTES)
    }
    this.#root = right ?? EMPTY_ROOT
    return this.#root
  }

  /** The unfinished tiles, for readers of a checkpoint of this size: [level, index, bytes]. */
  partialTiles(): (readonly [level: number, index: number, bytes: Buffer])[] {
    return this.#levels.flatMap(({ hashes, width, tiles }, level) =>
      width === 0 ? [] : [[level, tiles, Buffer.from(hashes.subarray(0, width * HASH_BYTES))] as const],
    )
  }

  #grown(height: number, level: Level): void {
    level.width += 1
    if (level.width < TILE_WIDTH) return
    this.#onTile(height, level.tiles, Buffer.from(level.hashes))
    level.width = 0
    level.tiles += 1
    const above = this.#level(height + 1)
    above.hashes.set(rootOver(level.hashes, TILE_WIDTH), above.width * HASH_BYTES)
    this.#grown(height + 1, above)
  }

  #level(height: number): Level {
    while (this.#levels.length <= height) {
      this.#levels.push({ hashes: Buffer.alloc(TILE_BYTES), width: 0, tiles: 0 })
    }
    return this.#levels[height]!
  }
}
