import { linesFrom, seqOf } from './find-line.ts'
import { SEGMENT_RECORDS, segmentPath } from './log-paths.ts'
import { listSegments, readAt, readLines, withFile } from './read-lines.ts'

/** Position of the intent with this request id, searched from the newest segment back; undefined if there is none. */
export async function findIntent(dir: string, rid: string): Promise<number | undefined> {
  const needle = Buffer.from(`"rid":${JSON.stringify(rid)},"seq":`)
  for (const segment of (await listSegments(dir)).reverse()) {
    let found: number | undefined
    await readLines(segmentPath(dir, segment), (chunk, start, end) => {
      const line = chunk.subarray(start, end)
      if (!line.includes(needle) || !line.includes('"type":"intent"')) return true
      found = seqOf(line.toString('utf8'))
      return found === undefined
    })
    if (found !== undefined) return found
  }
  return undefined
}

/** Number of whole lines in a log, read from the end of its last segment. A torn last line is not counted. */
export async function countRecords(dir: string): Promise<number> {
  const segments = await listSegments(dir)
  const last = segments.at(-1)
  if (last === undefined) return 0
  const seq = withFile(segmentPath(dir, last), (fd, size) => {
    const tail = readAt(fd, Math.max(0, size - 64 * 1_024), 64 * 1_024).toString('utf8')
    return tail
      .slice(0, tail.lastIndexOf('\n'))
      .split('\n')
      .map(seqOf)
      .findLast((found) => found !== undefined)
  })
  return seq === undefined ? last * SEGMENT_RECORDS : seq + 1
}

export interface RecordFilter {
  readonly type?: string | undefined
  readonly rid?: string | undefined
  /** Id of the actor. */
  readonly actor?: string | undefined
  readonly service?: string | undefined
}

export type LogRecord = Readonly<Record<string, unknown>> & { readonly seq: number; readonly type: string }

const BLOCK = 256

/**
 * The last `limit` records that match, newest first, without an index: at most `look` records (100,000) are looked at.
 * `size` bounds it to what is acknowledged; by default all whole lines count.
 */
export async function tailRecords(
  dir: string,
  { limit, filter = {}, size, look = 100_000 }: { limit: number; filter?: RecordFilter; size?: number; look?: number },
): Promise<LogRecord[]> {
  const end = size ?? (await countRecords(dir))
  const found: LogRecord[] = []
  for (let to = end; to > Math.max(0, end - look) && found.length < limit; ) {
    const from = Math.max(to - BLOCK, Math.floor((to - 1) / SEGMENT_RECORDS) * SEGMENT_RECORDS)
    for (const line of linesFrom(dir, from, to - from).reverse()) {
      const record: LogRecord = JSON.parse(line)
      if (found.length < limit && matches(record, filter)) found.push(record)
    }
    to = from
    await new Promise(setImmediate)
  }
  return found
}

function matches(record: LogRecord, { type, rid, actor, service }: RecordFilter): boolean {
  const { actor: who, req } = record as { actor?: { id?: string }; req?: { service?: string } }
  if (type !== undefined && record.type !== type) return false
  if (rid !== undefined && record.rid !== rid) return false
  return (actor === undefined || who?.id === actor) && (service === undefined || req?.service === service)
}
