/** Reading segments. Opens them read-only; nothing here can change a log. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { segmentFolder, segmentNumber } from './log-paths.ts'

const CHUNK = 256 * 1_024
/** Longer than the longest group: no crash of ours leaves a line like that. */
export const LONGEST_STRETCH = 512 * 1_024
const NEWLINE = 10

/**
 * One line, as `chunk[start..end)` without its newline. The byte before `start` may be overwritten: with 0x00 there, the
 * leaf hash needs no copy. `false` stops the reading. The chunk is reused afterwards.
 */
export type OnLine = (chunk: Buffer, start: number, end: number, offset: number) => boolean

export interface ReadLines {
  /** Offset after the last newline. */
  readonly end: number
  /** Bytes after the last newline. */
  readonly rest: number
  /** Offset of a stretch without newline that is longer than any line or torn group. */
  readonly overlong?: number
}

/** Reads the lines of a file from byte `from` on, a chunk at a time, so that the event loop gets its turn between. */
export async function readLines(path: string, onLine: OnLine, from = 0): Promise<ReadLines> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const buffer = Buffer.alloc(1 + LONGEST_STRETCH + CHUNK)
  let offset = from
  let kept = 0
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 1 + kept, CHUNK, offset + kept)
      if (bytesRead === 0) return { end: offset, rest: kept }
      const filled = 1 + kept + bytesRead
      let start = 1
      for (let at = buffer.indexOf(NEWLINE, 1 + kept); at >= 0 && at < filled; at = buffer.indexOf(NEWLINE, start)) {
        const lineAt = offset + start - 1
        if (!onLine(buffer, start, at, lineAt)) return { end: lineAt, rest: 0 }
        start = at + 1
      }
      buffer.copyWithin(1, start, filled)
      offset += start - 1
      kept = filled - start
      if (kept > LONGEST_STRETCH) return { end: offset, rest: kept, overlong: offset }
    }
  } finally {
    await handle.close()
  }
}

/** The segments of a log, in order. Empty if there is no log. */
export async function listSegments(dir: string): Promise<number[]> {
  try {
    const numbers = (await readdir(segmentFolder(dir))).map(segmentNumber)
    return numbers.filter((number) => number !== undefined).sort((a, b) => a - b)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Calls `use` with a descriptor open for reading and the file's size. */
export function withFile<T>(path: string, use: (fd: number, size: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    return use(fd, fstatSync(fd).size)
  } finally {
    closeSync(fd)
  }
}

/** `length` bytes at `offset`, or fewer at the end of the file. */
export function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, offset + filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}
