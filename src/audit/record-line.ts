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
import { otherPieces } from './other-line.ts'

export interface Pieces {
  readonly head: string
  readonly mid: string
  readonly tail: string
  /** `,"type":"…","v":1`, the end of the line but for the mark. */
  readonly end: string
}

/** Outcomes that the log writes itself have no figures. */
export type OutcomeMembers = Partial<OutcomeRecord['outcome']>

// Anything but printable ASCII, and what JSON escapes in it.
const NOT_PLAIN = /[^\x20\x21\x23-\x5b\x5d-\x7e]/

/** A JSON string in canonical form. Half surrogate pairs become U+FFFD: an agent's text must not stop the log. */
export function quote(text: string): string {
  return NOT_PLAIN.test(text) ? JSON.stringify(text.toWellFormed()) : `"${text}"`
}

/** A count as JSON: whole, never negative, 0 for what is no number. */
export function whole(value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value)
  return Number.isFinite(value) && value > 0 ? String(Math.min(Math.round(value), Number.MAX_SAFE_INTEGER)) : '0'
}

/** Characters of a piece that need no look at the limit of 8 KiB: each is at most 3 bytes. */
const SURELY_FITS = 2_400

export function intentPieces(boot: string, record: IntentRecord): Pieces {
  const { actor, req, decision, credential } = record
  const sealed = credential ? `,"credential":{"id":${quote(credential.id)},"version":${whole(credential.version)}}` : ''
  const head =
    `{"actor":{"id":${quote(actor.id)},"key":${quote(actor.key)},"kind":"agent"},"boot":"${boot}"${sealed}` +
    `,"decision":{"effect":"allow","policy":${whole(decision.policy)},"rule":${quote(decision.rule)}}`
  const query = req.query === undefined || req.query === '' ? '' : `,"query":${quote(req.query)}`
  const tail =
    `,"req":{"method":${quote(req.method)},"origin":${quote(req.origin)},"path":${quote(req.path)}${query}` +
    `,"service":${quote(req.service)}},"rid":${quote(record.rid)}`
  if (head.length + tail.length > SURELY_FITS) return otherPieces(boot, { type: 'intent', ...record })
  return { head, mid: '', tail, end: ',"type":"intent","v":1' }
}

export function outcomePieces(boot: string, rid: string, outcome: OutcomeMembers): Pieces {
  const members: string[] = []
  if (outcome.bytesIn !== undefined) members.push(`"bytesIn":${whole(outcome.bytesIn)}`)
  if (outcome.bytesOut !== undefined) members.push(`"bytesOut":${whole(outcome.bytesOut)}`)
  if (outcome.error !== undefined) members.push(`"error":${quote(outcome.error.slice(0, 256))}`)
  if (outcome.ms !== undefined) members.push(`"ms":${whole(outcome.ms)}`)
  if (outcome.status !== undefined) members.push(`"status":${whole(outcome.status)}`)
  const mid = `,"outcome":{${members.join(',')}}`
  return { head: `{"boot":"${boot}"`, mid, tail: `,"rid":${quote(rid)}`, end: ',"type":"outcome","v":1' }
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
