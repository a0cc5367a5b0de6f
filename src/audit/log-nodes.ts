/**
 * The hashes of complete subtrees of a log on the disk: from its tiles where they are, from its segments where not.
 * Reads synchronously, a few tiles a proof. What it gives is checked against a root by whoever asks.
 */
import { linesFrom } from './find-line.ts'
import { TILE_WIDTH } from './growing-tree.ts'
import { hashIn, readTile } from './tiles.ts'
import { HASH_BYTES, leafHash, type NodeHash, rootOver } from './tree.ts'

export class MissingRecords extends Error {}

/** `useTiles: false` derives everything from the segments. */
export function logNodes(dir: string, size: number, useTiles = true): NodeHash {
  const cache = new Map<string, Buffer>()

  /** As many hashes of a tile as the tree of `size` leaves has. */
  function tile(level: number, index: number): Buffer {
    const name = `${level}/${index}`
    const known = cache.get(name)
    if (known) return known
    const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH)
    const stored = useTiles && width === TILE_WIDTH ? readTile(dir, level, index) : undefined
    const bytes = stored ?? derive(level, index, width)
    cache.set(name, bytes)
    return bytes
  }

  function derive(level: number, index: number, width: number): Buffer {
    const first = index * TILE_WIDTH
    if (level > 0) {
      const roots = Array.from({ length: width }, (_, place) => rootOver(tile(level - 1, first + place), TILE_WIDTH))
      return Buffer.concat(roots)
    }
    const lines = linesFrom(dir, first, width)
    if (lines.length < width) throw new MissingRecords(`records from ${first + lines.length} on are missing`)
    return Buffer.concat(lines.map((line) => Buffer.from(leafHash(line), 'base64url')))
  }

  return (height, index) => {
    const level = Math.floor(height / 8)
    const width = 2 ** (height % 8)
    const first = index * width
    const hashes = tile(level, Math.floor(first / TILE_WIDTH))
    const place = first % TILE_WIDTH
    if (width === 1) return hashIn(hashes, place)
    return rootOver(hashes.subarray(place * HASH_BYTES, (place + width) * HASH_BYTES), width)
  }
}
