import { segmentPath } from './log-paths.ts'
import { listSegments, readLines } from './read-lines.ts'

const INTENT = Buffer.from('"type":"intent"')
const BOOT = Buffer.from('"type":"boot"')

/**
 * Which of these request ids have an intent in the log, read once however many are asked for, from the newest segment back
 * to where their boots began. An id whose boot the log does not know is looked for in all of it.
 */
export async function findIntents(dir: string, rids: Iterable<string>): Promise<ReadonlySet<string>> {
  const missing = new Set(rids)
  const boots = new Set(Array.from(missing, bootOf))
  const found = new Set<string>()
  for (const segment of (await listSegments(dir)).reverse()) {
    if (missing.size === 0 || boots.size === 0) break
    await readLines(segmentPath(dir, segment), (chunk, start, end) => {
      const line = chunk.subarray(start, end)
      if (line.includes(INTENT)) {
        const rid = member(line, '"rid":"')
        if (missing.delete(rid)) found.add(rid)
      } else if (line.includes(BOOT)) boots.delete(member(line, '"boot":"'))
      return true
    })
  }
  return found
}

/** Call ids begin with the id of their boot (ground/call-ids.ts). */
function bootOf(rid: string): string {
  return rid.slice('call_'.length, 'call_'.length + 6)
}

/** The text of a member. Inside a string of somebody else's choice the quotes would be escaped. */
function member(line: Buffer, name: string): string {
  const start = line.indexOf(name)
  if (start < 0) return ''
  const from = start + name.length
  return line.toString('latin1', from, line.indexOf('"', from))
}
