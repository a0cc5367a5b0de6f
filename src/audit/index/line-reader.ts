import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { placeOf, seqOf } from '../find-line.ts'
import { SEGMENT_RECORDS, segmentPath } from '../log-paths.ts'

const CHUNK = 64 * 1_024
const NEWLINE = 10

/** Reads a log's lines in order, a little at a time, keeping its place between turns. */
export class LineReader {
  readonly #dir: string
  readonly #chunk = Buffer.alloc(CHUNK)
  #next: number
  #segment = -1
  #handle: FileHandle | undefined
  #offset = 0

  constructor(dir: string, from: number) {
    this.#dir = dir
    this.#next = from
  }

  /** Position of the next line that `read` gives. */
  get next(): number {
    return this.#next
  }

  /** At most `most` of the lines before `size`; empty if there are none, or if the segment has no such line. */
  async read(size: number, most: number): Promise<string[]> {
    if (this.#next >= size) return []
    const segment = Math.floor(this.#next / SEGMENT_RECORDS)
    if (segment !== this.#segment || this.#handle === undefined) await this.#open(segment)
    for (;;) {
      const filled = (await this.#handle?.read(this.#chunk, 0, CHUNK, this.#offset))?.bytesRead ?? 0
      const before = this.#offset
      const lines = this.#take(filled, Math.min(size, this.#next + most))
      if (lines.length > 0 || this.#offset === before) return lines
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  /** Lines up to position `to`. The offset stays before the first line not taken: it may be written anew. */
  #take(filled: number, to: number): string[] {
    const lines: string[] = []
    let start = 0
    for (let end = this.#chunk.indexOf(NEWLINE); end >= 0 && end < filled; end = this.#chunk.indexOf(NEWLINE, start)) {
      const line = this.#chunk.toString('utf8', start, end)
      const seq = seqOf(line)
      if (this.#next >= to || seq === undefined || seq > this.#next) break
      if (seq === this.#next) {
        lines.push(line)
        this.#next += 1
      }
      start = end + 1
    }
    this.#offset += start
    return lines
  }

  async #open(segment: number): Promise<void> {
    await this.close()
    this.#offset = this.#next % SEGMENT_RECORDS === 0 ? 0 : placeOf(this.#dir, this.#next)
    this.#handle = await open(segmentPath(this.#dir, segment), constants.O_RDONLY | constants.O_NOFOLLOW)
    this.#segment = segment
  }
}
