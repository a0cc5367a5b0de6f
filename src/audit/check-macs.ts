import { splitMark, type TailKey } from './group-mark.ts'
import { SEGMENT_RECORDS, segmentPath } from './log-paths.ts'
import { MacRule, typeOf } from './mac-rule.ts'
import { readLines } from './read-lines.ts'

export interface MacTrouble {
  /** Last record of the group that is wrong. */
  readonly seq: number
  readonly detail: string
}

/**
 * Checks every mac from record `from` (a signed size) up to `size`. What came before is only read as far as it takes to
 * know whether the vault was sealed at that point.
 */
export async function checkMacs(
  dir: string,
  from: number,
  size: number,
  tailKey: TailKey,
): Promise<MacTrouble | undefined> {
  for (let segment = Math.floor(from / SEGMENT_RECORDS); ; segment -= 1) {
    const rule = new MacRule(tailKey, segment === 0 ? true : undefined)
    const trouble = await checkFrom(dir, segment, from, size, rule)
    if (trouble || !rule.unsure || segment === 0) return trouble
  }
}

async function checkFrom(
  dir: string,
  firstSegment: number,
  from: number,
  size: number,
  rule: MacRule,
): Promise<MacTrouble | undefined> {
  let seq = firstSegment * SEGMENT_RECORDS
  let types: string[] = []
  let trouble: MacTrouble | undefined
  while (seq < size && trouble === undefined) {
    const before = seq
    await readLines(segmentPath(dir, Math.floor(seq / SEGMENT_RECORDS)), (chunk, start, end) => {
      types.push(typeOf(chunk, start, end))
      const mark = splitMark(chunk.subarray(start, end))?.mark
      if (mark !== undefined) {
        const detail = rule.group(mark, types, seq >= from)
        if (detail !== undefined) trouble = { seq, detail }
        types = []
      }
      seq += 1
      return trouble === undefined && seq < size
    })
    if (seq === before) return { seq, detail: 'the segment ends too early' }
  }
  return trouble
}
