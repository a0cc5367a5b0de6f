import { parseStrictJson } from '../ground/strict-json.ts'
import type { JudgedBody } from './contract.ts'

/** Bytes of a body that rules look into. */
export const MAX_JUDGED_BYTES = 256 * 1_024
/** Members, elements and values of it. */
export const MAX_JUDGED_VALUES = 10_000

const noBody: JudgedBody = Object.freeze({ kind: 'none' })
const unreadable: JudgedBody = Object.freeze({ kind: 'unreadable' })

/**
 * What rules read of a body. Only JSON that everybody reads alike counts (no name twice, no number that a double cannot
 * hold): what the service may understand differently is unreadable, and that is never a reason to allow.
 */
export function readBody(bytes: Uint8Array | undefined): JudgedBody {
  if (bytes === undefined || bytes.length === 0) return noBody
  if (bytes.length > MAX_JUDGED_BYTES) return unreadable
  let value: unknown
  try {
    value = parseStrictJson(bytes)
  } catch {
    return unreadable
  }
  const values = countValues(value, MAX_JUDGED_VALUES)
  return values > MAX_JUDGED_VALUES ? unreadable : { kind: 'json', value, values }
}

/** How many values there are, up to a little more than `most`. */
function countValues(root: unknown, most: number): number {
  const open: unknown[] = [root]
  let count = 0
  while (open.length > 0 && count <= most) {
    const value = open.pop()
    count += 1
    if (typeof value !== 'object' || value === null) continue
    for (const inner of Object.values(value)) open.push(inner)
  }
  return count + open.length
}

/** The value that an RFC 6901 pointer, already split, leads to; undefined where it leads nowhere. */
export function pointedAt(root: unknown, path: readonly string[]): unknown {
  let value = root
  for (const token of path) {
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value) ? !/^(?:0|[1-9][0-9]*)$/.test(token) : !Object.hasOwn(value, token)) return undefined
    value = (value as Record<string, unknown>)[token]
  }
  return value
}

export function splitPointer(pointer: string): readonly string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}
