/**
 * Reads what is on the disk into a tree that can be gone on from. Full segments below the newest checkpoint are taken from
 * their tiles, whose roots the checkpoint covers; the others and the open one are read line by line.
 */
import { lineAt } from './find-line.ts'
import { genesisPrev } from './genesis.ts'
import { GrowingTree, type OnTile, TILE_WIDTH } from './growing-tree.ts'
import { SEGMENT_RECORDS } from './log-paths.ts'
import { listSegments } from './read-lines.ts'
import { type ScannedRecord, type SegmentScan, scanSegment } from './scan-segment.ts'
import { readTile } from './tiles.ts'
import { leafHash, rootOver } from './tree.ts'
import { Unfinished } from './unfinished.ts'

export interface ReadLogOptions {
  readonly dir: string
  readonly nodeId: string
  readonly installId: Uint8Array
  /** Size up to which full segments may be taken from tiles. */
  readonly trusted: number
  /** Sizes whose roots are wanted. */
  readonly wanted: ReadonlySet<number>
  readonly onTile: OnTile
}

export interface ReadLog {
  readonly tree: GrowingTree
  readonly prev: string
  /** The open segment, and how much of it is good; -1 if there is none. */
  readonly segment: number
  readonly bytes: number
  readonly torn?: NonNullable<SegmentScan['torn']>
  readonly damage?: string
  /** Roots at the wanted sizes that were passed. */
  readonly roots: ReadonlyMap<number, Buffer>
  /** From the open segment's first record on. */
  readonly unfinished: Unfinished
}

export async function readLog(options: ReadLogOptions): Promise<ReadLog> {
  return await new LogReading(options).read(await listSegments(options.dir))
}

class LogReading {
  readonly #options: ReadLogOptions
  readonly #tree: GrowingTree
  readonly #roots = new Map<number, Buffer>()
  #unfinished = new Unfinished()
  #prev: string | undefined

  constructor(options: ReadLogOptions) {
    this.#options = options
    this.#tree = new GrowingTree(options.onTile)
    this.#prev = genesisPrev(options.installId, options.nodeId)
    this.#want()
  }

  async read(segments: readonly number[]): Promise<ReadLog> {
    const missing = segments.findIndex((segment, place) => segment !== place)
    if (missing >= 0) return this.#end(missing - 1, 0, { damage: `segment ${missing} is missing` })
    const open = segments.length - 1
    for (let segment = 0; segment < open; ) {
      const taken = this.#fromTiles(segment, open)
      if (taken === 0) {
        const damage = await this.#readFull(segment)
        if (damage !== undefined) return this.#end(segment, 0, { damage })
      }
      segment += Math.max(1, taken)
    }
    if (open < 0) return this.#end(open, 0, {})
    this.#unfinished = new Unfinished()
    const scan = await this.#scan(open)
    if (scan === undefined) return this.#end(open, 0, { damage: `segment ${open - 1} does not end with a record` })
    this.#prev = scan.prev
    return this.#end(open, scan.bytes, scan)
  }

  /** Takes full segments from their tile, or 256 at once from the tile above; gives how many. */
  #fromTiles(segment: number, open: number): number {
    const { dir, trusted } = this.#options
    const below = Math.min(open, Math.floor(trusted / SEGMENT_RECORDS))
    if (segment % TILE_WIDTH === 0 && segment + TILE_WIDTH <= below && this.#take(dir, 2, segment / TILE_WIDTH))
      return TILE_WIDTH
    return segment < below && this.#take(dir, 1, segment) ? 1 : 0
  }

  #take(dir: string, level: number, index: number): boolean {
    const tile = readTile(dir, level, index)
    if (tile === undefined) return false
    this.#tree.addSubtree(level + 1, rootOver(tile, TILE_WIDTH))
    this.#prev = undefined
    this.#want()
    return true
  }

  async #readFull(segment: number): Promise<string | undefined> {
    const scan = await this.#scan(segment)
    const end = (segment + 1) * SEGMENT_RECORDS
    if (scan === undefined) return `segment ${segment - 1} does not end with a record`
    if (scan.damage !== undefined) return scan.damage
    if (scan.next !== end || scan.torn) return `segment ${segment} ends at record ${scan.next} and is not the last one`
    this.#prev = scan.prev
    return undefined
  }

  async #scan(segment: number): Promise<SegmentScan | undefined> {
    const { dir, nodeId } = this.#options
    const last = this.#prev === undefined ? lineAt(dir, segment * SEGMENT_RECORDS - 1) : undefined
    const prev = this.#prev ?? (last === undefined ? undefined : leafHash(last))
    if (prev === undefined) return undefined
    const onRecord = (record: ScannedRecord, leaf: string) => {
      this.#tree.add(leaf)
      this.#unfinished.see(record)
      this.#want()
    }
    return await scanSegment({ dir, nodeId, segment, prev, onRecord })
  }

  #want(): void {
    if (this.#options.wanted.has(this.#tree.size)) this.#roots.set(this.#tree.size, this.#tree.root())
  }

  #end(segment: number, bytes: number, { torn, damage }: Pick<SegmentScan, 'torn' | 'damage'>): ReadLog {
    return {
      tree: this.#tree,
      prev: this.#prev ?? '',
      segment,
      bytes,
      roots: this.#roots,
      unfinished: this.#unfinished,
      ...(torn && { torn }),
      ...(damage !== undefined && { damage }),
    }
  }
}
