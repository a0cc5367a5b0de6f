/**
 * Hash tiles on the disk, written behind the log. Segments are the truth: a tile that is missing, short or wrong costs a
 * rebuild, never a record. Level 0 is therefore not synced and written many at a time: a file that is made between two
 * syncs of the log makes the next one commit its metadata too. The levels above are synced at once, so that a start finds
 * the roots of full segments without reading them.
 */
import { constants, readFileSync, writeFile } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeDurably } from './durable-file.ts'
import { TILE_BYTES, TILE_WIDTH } from './growing-tree.ts'
import { tilePath } from './log-paths.ts'
import { HASH_BYTES } from './tree.ts'

/** Tiles waiting for a slow disk above which new ones are left to `fsck`: 32 MiB. */
const MOST_WAITING = 4_096
/** Tiles of level 0 that are written together: 1 MiB, 32,768 records. */
const TOGETHER = 128
/** How long the first of them waits for the others. */
const GATHER_MS = 2_000

export class TileWriter {
  readonly #dir: string
  readonly #onTrouble: (error: unknown) => void
  readonly #folders = new Set<string>()
  readonly #partial = new Map<number, string>()
  #leaves: (readonly [index: number, bytes: Buffer])[] = []
  #gathering: NodeJS.Timeout | undefined
  #waiting = 0
  #chain: Promise<void> = Promise.resolve()

  constructor(dir: string, onTrouble: (error: unknown) => void) {
    this.#dir = dir
    this.#onTrouble = onTrouble
  }

  /** Queues a full tile. Never fails and never waits. */
  readonly put = (level: number, index: number, bytes: Buffer): void => {
    if (this.#waiting + this.#leaves.length >= MOST_WAITING) this.#onTrouble(new Error('tiles: too many waiting'))
    else if (level > 0) this.#later(() => this.#write(tilePath(this.#dir, level, index), bytes, true))
    else {
      this.#leaves.push([index, bytes])
      if (this.#leaves.length >= TOGETHER) this.#writeLeaves()
      else this.#gathering ??= setTimeout(() => this.#writeLeaves(), GATHER_MS).unref()
    }
  }

  /** Queues an unfinished tile of a published checkpoint; the one it published before at this level is removed. */
  putPartial(level: number, index: number, bytes: Buffer): void {
    const path = tilePath(this.#dir, level, index, bytes.length / HASH_BYTES)
    const before = this.#partial.get(level)
    this.#partial.set(level, path)
    this.#later(async () => {
      await this.#write(path, bytes, false)
      if (before !== undefined && before !== path) await rm(before, { force: true })
    })
  }

  /** Resolves when everything queued so far is written. */
  async settled(): Promise<void> {
    this.#writeLeaves()
    await this.#chain
  }

  #writeLeaves(): void {
    clearTimeout(this.#gathering)
    this.#gathering = undefined
    for (const [index, bytes] of this.#leaves) {
      this.#later(() => this.#write(tilePath(this.#dir, 0, index), bytes, false))
    }
    this.#leaves = []
  }

  #later(work: () => Promise<void>): void {
    this.#waiting += 1
    this.#chain = this.#chain
      .then(work)
      .catch(this.#onTrouble)
      .finally(() => {
        this.#waiting -= 1
      })
  }

  async #write(path: string, bytes: Buffer, durably: boolean): Promise<void> {
    const folder = dirname(path)
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      this.#folders.add(folder)
    }
    if (durably) await writeDurably(path, bytes)
    else await write(path, bytes)
  }
}

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

/** In place and by callback: there is one tile per 256 records, and a half-written one has the wrong length. */
function write(path: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    writeFile(path, bytes, { mode: 0o600, flag: FLAGS as unknown as string }, (error) =>
      error ? reject(error) : resolve(),
    )
  })
}

/** A full tile; undefined if it is missing or has another length. Its content is not checked. */
export function readTile(dir: string, level: number, index: number): Buffer | undefined {
  try {
    const bytes = readFileSync(tilePath(dir, level, index))
    return bytes.length === TILE_BYTES ? bytes : undefined
  } catch {
    return undefined
  }
}

/** The hash at `place` (0–255) of a tile. */
export function hashIn(tile: Buffer, place: number): Buffer {
  if (place >= TILE_WIDTH) throw new RangeError('tile: 256 hashes')
  return tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
}
