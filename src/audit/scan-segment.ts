/**
 * Reads one segment and says how far it can be gone on from: up to the last line with a good group mark whose chain holds.
 * What follows is torn if a crash can have left it, and damage if not.
 */
import { hash } from 'node:crypto'
import { type GroupMark, markHolds, splitMark } from './group-mark.ts'
import { SEGMENT_RECORDS, segmentPath } from './log-paths.ts'
import { readLines } from './read-lines.ts'

/** The members of a record that recovery reads. */
export interface ScannedRecord {
  readonly seq: number
  readonly prev: string
  readonly node: string
  readonly v: number
  readonly type: string
  readonly rid?: string
  readonly epoch?: number
  readonly ev?: Readonly<Record<string, unknown>>
}

export interface SegmentScan {
  /** Position after the last record of the last complete group, and the hash of that record. */
  readonly next: number
  readonly prev: string
  /** Bytes up to there. */
  readonly bytes: number
  /** A tail that a crash can have left: its bytes are not in the log. */
  readonly torn?: { readonly bytes: number; readonly reason: 'torn_line' | 'torn_group' }
  /** What a crash cannot have left. */
  readonly damage?: string
}

export interface ScanStart {
  readonly dir: string
  readonly nodeId: string
  readonly segment: number
  readonly prev: string
  /** Called for the records of complete groups only, in order, with their leaf hashes. */
  readonly onRecord: (record: ScannedRecord, leaf: string) => void
}

export async function scanSegment(start: ScanStart): Promise<SegmentScan> {
  const scan = new Scan(start)
  const { end, rest, overlong } = await readLines(segmentPath(start.dir, start.segment), (chunk, from, to, offset) =>
    scan.line(chunk, from, to, offset),
  )
  if (overlong !== undefined) scan.damage ??= `a stretch without lines at byte ${overlong}`
  return scan.result(end + rest, rest > 0)
}

class Scan {
  readonly #start: ScanStart
  readonly #nodeId: string
  #next: number
  #prev: string
  #bytes = 0
  /** Records since the last complete group. */
  #pending: { record: ScannedRecord; leaf: string }[] = []
  #broken = false
  damage: string | undefined

  constructor(start: ScanStart) {
    this.#start = start
    this.#nodeId = start.nodeId
    this.#next = start.segment * SEGMENT_RECORDS
    this.#prev = start.prev
  }

  line(chunk: Buffer, from: number, to: number, offset: number): boolean {
    const line = chunk.subarray(from, to)
    if (this.#broken) this.#afterBreak(line)
    else this.#inChain(chunk, from, to, line, offset)
    return this.damage === undefined
  }

  result(size: number, partialLine: boolean): SegmentScan {
    const good = { next: this.#next, prev: this.#prev, bytes: this.#bytes }
    if (this.damage !== undefined) return { ...good, damage: this.damage }
    const bytes = size - this.#bytes
    if (bytes === 0) return good
    return { ...good, torn: { bytes, reason: partialLine || this.#broken ? 'torn_line' : 'torn_group' } }
  }

  #inChain(chunk: Buffer, from: number, to: number, line: Buffer, offset: number): void {
    const record = parse(line)
    if (record === undefined) {
      // Half-written blocks read as zeros: a torn line, unless a later group shows that it was acknowledged.
      this.#broken = true
      return
    }
    const place = this.#next + this.#pending.length
    const prev = this.#pending.at(-1)?.leaf ?? this.#prev
    if (record.seq !== place || record.prev !== prev || record.node !== this.#nodeId || record.v !== 1) {
      this.damage = `record ${place} does not follow the one before it`
      return
    }
    const split = splitMark(line)
    chunk[from - 1] = 0
    const leaf = hash('sha256', chunk.subarray(from - 1, to), 'base64url')
    this.#pending.push({ record, leaf })
    if (split) this.#endGroup(split, place, offset + line.length + 1)
  }

  #endGroup(split: { body: Uint8Array; mark: GroupMark }, seq: number, end: number): void {
    if (split.mark.count !== this.#pending.length || !markHolds(split.body, split.mark)) {
      this.damage = `the group mark of record ${seq} does not hold`
      return
    }
    for (const { record, leaf } of this.#pending) this.#start.onRecord(record, leaf)
    this.#next = seq + 1
    this.#prev = this.#pending.at(-1)?.leaf ?? this.#prev
    this.#pending = []
    this.#bytes = end
  }

  /** A complete group that begins after the broken one was written after it was acknowledged. */
  #afterBreak(line: Buffer): void {
    const split = splitMark(line)
    const record = split && markHolds(split.body, split.mark) ? parse(line) : undefined
    if (split === undefined || record === undefined) return
    const first = record.seq - split.mark.count + 1
    if (first !== this.#next) this.damage = `records from ${this.#next} on are damaged and the group at ${first} is not`
  }
}

function parse(line: Buffer): ScannedRecord | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as ScannedRecord) : undefined
  } catch {
    return undefined
  }
}
