/** Finding records by their position, without an index: a segment's lines are in order, so their offsets can be halved. */
import { SEGMENT_RECORDS, segmentPath } from './log-paths.ts'
import { readAt, withFile } from './read-lines.ts'

const WINDOW = 32 * 1_024
const NEWLINE = 10
const SEQ = /,"seq":(\d{1,16}),"ts":\d+,"type":"[a-z._0-9]+","v":1(?:,"~g":"[\w.-]+")?\}$/

/** The `seq` of a line, read from its end; undefined if the line does not end as records do. */
export function seqOf(line: string): number | undefined {
  const digits = SEQ.exec(line)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Up to `count` lines from record `seq` on, within its segment. Fewer if the log ends; empty if the record is not there.
 * Reads synchronously about 16 windows of 32 KiB and the lines themselves.
 */
export function linesFrom(dir: string, seq: number, count: number): string[] {
  const segment = Math.floor(seq / SEGMENT_RECORDS)
  try {
    return withFile(segmentPath(dir, segment), (fd, size) => collect(fd, offsetOf(fd, size, seq), seq, count))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** A record's line; undefined if the log has none at this position. */
export function lineAt(dir: string, seq: number): string | undefined {
  return linesFrom(dir, seq, 1)[0]
}

/** Byte offset in its segment from which reading forward soon meets record `seq`. Throws if there is no such segment. */
export function placeOf(dir: string, seq: number): number {
  return withFile(segmentPath(dir, Math.floor(seq / SEGMENT_RECORDS)), (fd, size) => offsetOf(fd, size, seq))
}

/** Offset of the line `seq`, or of one before it that is near. */
function offsetOf(fd: number, size: number, seq: number): number {
  let low = 0
  let high = size
  while (high - low > WINDOW) {
    const middle = Math.floor((low + high) / 2)
    const found = firstLineIn(readAt(fd, middle, WINDOW))
    if (found === undefined || found.seq > seq) high = middle
    else low = middle + found.at
  }
  return low
}

/** The first whole line that begins in a window read from the middle of a file. */
function firstLineIn(window: Buffer): { seq: number; at: number } | undefined {
  const at = window.indexOf(NEWLINE) + 1
  const end = at === 0 ? -1 : window.indexOf(NEWLINE, at)
  const seq = end < 0 ? undefined : seqOf(window.toString('utf8', at, end))
  return seq === undefined ? undefined : { seq, at }
}

function collect(fd: number, from: number, seq: number, count: number): string[] {
  const lines: string[] = []
  let offset = from
  while (lines.length < count) {
    const window = readAt(fd, offset, 4 * WINDOW)
    let start = 0
    for (let end = window.indexOf(NEWLINE); end >= 0 && lines.length < count; end = window.indexOf(NEWLINE, start)) {
      const line = window.toString('utf8', start, end)
      const found = seqOf(line)
      if (found !== undefined && found === seq + lines.length) lines.push(line)
      else if (found === undefined || found > seq) return lines
      start = end + 1
    }
    if (start === 0) return lines
    offset += start
  }
  return lines
}
