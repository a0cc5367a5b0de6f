/**
 * One group: the lines that share a sync. Every line holds the hash of the line before, the last one the group's mark.
 */
import { hash } from 'node:crypto'
import { MOST_IN_GROUP, sealGroup, type TailKey } from './group-mark.ts'
import { SEGMENT_RECORDS } from './log-paths.ts'
import { bodyOf, type GroupFrame } from './record-line.ts'
import type { Waiting, WaitingRecords } from './waiting.ts'

const MOST_BYTES = 256 * 1_024
const LONGEST_LINE = 8_192
const NEWLINE = 10

export interface LogHead {
  readonly seq: number
  readonly prev: string
}

/** Reused for every group: there is only one in flight. */
export class Group {
  /** Byte 0 is spare: it is the 0x00 before the first leaf while that is hashed. */
  readonly #buffer = Buffer.alloc(1 + MOST_BYTES + LONGEST_LINE)
  #end = 1
  entries: Waiting[] = []
  /** Leaf hashes, base64url. */
  leaves: string[] = []

  get bytes(): Buffer {
    return this.#buffer.subarray(1, this.#end)
  }

  /** Takes records from the queue until it is empty or the group is full; never across two segments. */
  fill(queue: WaitingRecords, head: LogHead, frame: GroupFrame, tailKey: TailKey | undefined): void {
    const most = Math.min(MOST_IN_GROUP, SEGMENT_RECORDS - (head.seq % SEGMENT_RECORDS))
    this.entries = []
    this.leaves = []
    this.#end = 1
    let { prev } = head
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      entry.seq = head.seq + this.entries.length
      this.entries.push(entry)
      const pieces = typeof entry.pieces === 'function' ? entry.pieces(entry.seq) : entry.pieces
      const body = bodyOf(pieces, frame, prev, entry.seq)
      const start = this.#end
      const end = start + this.#buffer.write(body, start)
      const last = this.entries.length >= most || end > MOST_BYTES - LONGEST_LINE || queue.length === 0
      const close = last ? `,"~g":"${sealGroup(this.entries.length, body, tailKey)}"}` : '}'
      prev = this.#close(start, end + this.#buffer.write(close, end, 'latin1'))
      this.leaves.push(prev)
      if (last) return
    }
  }

  /** Hashes the line in place, with 0x00 where the newline before it stands, and ends it with its own newline. */
  #close(start: number, end: number): string {
    const buffer = this.#buffer
    buffer[start - 1] = 0
    const leaf = hash('sha256', buffer.subarray(start - 1, end), 'base64url')
    buffer[start - 1] = NEWLINE
    buffer[end] = NEWLINE
    this.#end = end + 1
    return leaf
  }
}
