/** Re-derives every tile and the root from the segments, which are the truth, and says which tiles do not agree. */
import { hash } from 'node:crypto'
import { splitMark } from './group-mark.ts'
import { GrowingTree } from './growing-tree.ts'
import { segmentPath } from './log-paths.ts'
import { newestNote } from './notes-on-disk.ts'
import { listSegments, readLines } from './read-lines.ts'
import { readTile, TileWriter } from './tiles.ts'

export interface FsckReport {
  /** 0 all agrees (or was repaired) · 1 a tile is wrong, or the root is not the signed one · 2 there is no log. */
  readonly exit: 0 | 1 | 2
  readonly records: number
  /** Hex. */
  readonly root: string
  readonly tiles: number
  /** `<level>/<index>`. Missing tiles are no damage: they are written behind the log. */
  readonly missing: readonly string[]
  readonly wrong: readonly string[]
  /** Whether the root at the size of the newest checkpoint is the signed one; absent without checkpoint. */
  readonly checkpoint?: { readonly size: number; readonly agrees: boolean }
  readonly repaired: number
}

/** `repair` writes the missing and wrong tiles again; only for a log that no gateway has open. */
export async function fsckLog({ dir, repair = false }: { dir: string; repair?: boolean }): Promise<FsckReport> {
  const missing: string[] = []
  const wrong: string[] = []
  let tiles = 0
  const writer = new TileWriter(dir, () => {})
  const tree = new GrowingTree((level, index, bytes) => {
    tiles += 1
    const stored = readTile(dir, level, index)
    if (stored?.equals(bytes)) return
    const list = stored === undefined ? missing : wrong
    list.push(`${level}/${index}`)
    if (repair) writer.put(level, index, bytes)
  })
  const note = await newestNote(dir)
  let signedRoot: Buffer | undefined
  const look = () => {
    if (tree.size === note?.size) signedRoot = tree.root()
  }
  look()
  const segments = await listSegments(dir)
  for (const segment of segments) await addSegment(segmentPath(dir, segment), tree, look)
  await writer.settled()
  const agrees = note === undefined || (signedRoot?.equals(note.root) ?? false)
  const broken = !agrees || (wrong.length > 0 && !repair)
  return {
    exit: segments.length === 0 ? 2 : broken ? 1 : 0,
    records: tree.size,
    root: tree.root().toString('hex'),
    tiles,
    missing,
    wrong,
    ...(note && { checkpoint: { size: note.size, agrees } }),
    repaired: repair ? missing.length + wrong.length : 0,
  }
}

async function addSegment(path: string, tree: GrowingTree, look: () => void): Promise<void> {
  let pending: string[] = []
  await readLines(path, (chunk, start, end) => {
    const marked = splitMark(chunk.subarray(start, end)) !== undefined
    chunk[start - 1] = 0
    pending.push(hash('sha256', chunk.subarray(start - 1, end), 'base64url'))
    if (!marked) return true
    for (const leaf of pending) {
      tree.add(leaf)
      look()
    }
    pending = []
    return true
  })
}
