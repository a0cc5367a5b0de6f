import { SEGMENT_RECORDS, segmentPath } from './log-paths.ts'
import { readLines } from './read-lines.ts'
import type { ScannedRecord } from './scan-segment.ts'

/** Records before the last anchor that are read again, so that an outbox row recorded just before it is found. */
const BEFORE_ANCHOR = 4_096

export interface LastAnchor {
  readonly seq: number
  /** Lowest seq of an intent without outcome when the anchor was written. */
  readonly open?: number
  readonly epoch?: number
  readonly db?: string
}

/** What recovery learns from the records themselves, fed in order. */
export class Unfinished {
  /** Request ids of intents without outcome, in order, with their seq. */
  readonly intents = new Map<string, number>()
  /** Outbox ids that have their record, with its seq. */
  readonly outbox = new Map<number, number>()
  anchor: LastAnchor | undefined
  /** The highest epoch that any record speaks of. */
  epoch = 0
  sinceAnchor = 0

  see({ seq, type, rid, epoch, ev }: ScannedRecord): void {
    this.sinceAnchor += 1
    if (type === 'intent' && rid !== undefined) this.intents.set(rid, seq)
    else if (type === 'outcome' && rid !== undefined) this.intents.delete(rid)
    else if (type === 'anchor') this.#anchor(seq, ev)
    if (typeof ev?.outbox === 'number') this.outbox.set(ev.outbox, seq)
    if (typeof epoch === 'number') this.epoch = Math.max(this.epoch, epoch)
  }

  /** First record that must be read to know every unfinished intent; 0 without an anchor. */
  get from(): number {
    if (this.anchor === undefined) return 0
    return Math.max(0, Math.min(this.anchor.open ?? this.anchor.seq, this.anchor.seq) - BEFORE_ANCHOR)
  }

  #anchor(seq: number, ev: ScannedRecord['ev']): void {
    const { open, epoch, db } = ev ?? {}
    this.sinceAnchor = 0
    this.anchor = {
      seq,
      ...(typeof open === 'number' && { open }),
      ...(typeof epoch === 'number' && { epoch }),
      ...(typeof db === 'string' && { db }),
    }
    if (typeof epoch === 'number') this.epoch = Math.max(this.epoch, epoch)
  }
}

/**
 * What is unfinished in a log of `size` records. `open` was fed with all records from `openFrom` on; what came before is
 * read only as far back as the last anchor says.
 */
export async function findUnfinished(
  dir: string,
  open: Unfinished,
  openFrom: number,
  size: number,
): Promise<Unfinished> {
  let known = open
  let from = openFrom
  while (from > 0 && known.from < from) {
    from = known.anchor === undefined ? from - SEGMENT_RECORDS : known.from
    known = await feed(dir, from, size)
  }
  return known
}

async function feed(dir: string, from: number, size: number): Promise<Unfinished> {
  const known = new Unfinished()
  for (let segment = Math.floor(from / SEGMENT_RECORDS); segment * SEGMENT_RECORDS < size; segment += 1) {
    await readLines(segmentPath(dir, segment), (chunk, start, end) => {
      const record: ScannedRecord = JSON.parse(chunk.toString('utf8', start, end))
      if (record.seq >= from && record.seq < size) known.see(record)
      return record.seq + 1 < size
    })
  }
  return known
}
