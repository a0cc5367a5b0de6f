/**
 * How a record becomes a line: canonical JSON, written by hand in the order of names, because this runs twice per call.
 * The tests compare every line with the generic canonical writer.
 *
 *   head  from `{` to the members before `mono`      known when the record is handed in
 *   mid   `outcome`, between `node` and `prev`       known when the record is handed in
 *   tail  `req` and `rid`, between `prev` and `seq`  known when the record is handed in
 *   the rest: mono, prev, seq, ts and the group mark are known when its group is written
 */
import type { IntentRecord, OtherRecord, OutcomeRecord } from './contract.ts'
import { intentFrame } from './intent-frame.ts'
import { type CutRecord, otherPieces } from './other-line.ts'
import { quote, whole } from './quote.ts'

export interface Pieces {
  readonly head: string
  readonly mid: string
  readonly tail: string
  /** `,"type":"…","v":1`, the end of the line but for the mark. */
  readonly end: string
}

/** Outcomes that the log writes itself have no figures. */
export type OutcomeMembers = Partial<OutcomeRecord['outcome']>

/** Characters of a piece that need no look at the limit of 8 KiB: each is at most 3 bytes. */
const SURELY_FITS = 2_400

export function intentPieces(boot: string, record: IntentRecord): Pieces {
  const { req } = record
  // A human was asked, so this one need not be fast.
  if (record.approval !== undefined) return otherPieces(boot, withoutUndefined(record))
  const { head, before, after } = intentFrame(boot, record)
  const query = req.query === undefined || req.query === '' ? '' : `,"query":${quote(req.query)}`
  const tail = `${before}${quote(req.path)}${query}${after}${quote(record.rid)}`
  if (head.length + tail.length > SURELY_FITS) return otherPieces(boot, withoutUndefined(record))
  return { head, mid: '', tail, end: ',"type":"intent","v":1' }
}

function withoutUndefined({ approval, ...rest }: IntentRecord): CutRecord {
  return { type: 'intent', ...rest, ...(approval && { approval }) }
}

export function outcomePieces(boot: string, rid: string, outcome: OutcomeMembers): Pieces {
  const { bytesIn, bytesOut, error, framesIn, framesOut, ms, status } = outcome
  const mid =
    (bytesIn === undefined ? '' : `,"bytesIn":${whole(bytesIn)}`) +
    (bytesOut === undefined ? '' : `,"bytesOut":${whole(bytesOut)}`) +
    (error === undefined ? '' : `,"error":${quote(error.slice(0, 256))}`) +
    (framesIn === undefined ? '' : `,"framesIn":${whole(framesIn)}`) +
    (framesOut === undefined ? '' : `,"framesOut":${whole(framesOut)}`) +
    (ms === undefined ? '' : `,"ms":${whole(ms)}`) +
    (status === undefined ? '' : `,"status":${whole(status)}`)
  return {
    head: `{"boot":"${boot}"`,
    mid: `,"outcome":{${mid.slice(1)}}`,
    tail: `,"rid":${quote(rid)}`,
    end: ',"type":"outcome","v":1',
  }
}

/** Throws TypeError for a value without canonical form: a bug of the caller. */
export function recordPieces(boot: string, record: OtherRecord): Pieces {
  const { outbox, useReserve: _, ...members } = record
  return otherPieces(boot, outbox === undefined ? members : { ...members, ev: { ...members.ev, outbox } })
}

/** The parts that all lines of one group have in common. */
export interface GroupFrame {
  /** `,"mono":…,"node":"…"` */
  readonly monoNode: string
  /** `,"ts":…` */
  readonly ts: string
}

/** The line up to its closing brace, which is where the group mark goes. */
export function bodyOf(pieces: Pieces, frame: GroupFrame, prev: string, seq: number): string {
  return `${pieces.head + frame.monoNode + pieces.mid},"prev":"${prev}"${pieces.tail},"seq":${seq}${frame.ts}${pieces.end}`
}
