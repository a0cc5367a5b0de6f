import { createHash } from 'node:crypto'
import { type Canonical, canonicalJson } from '../ground/canonical-json.ts'
import type { OtherRecord } from './contract.ts'
import type { Pieces } from './record-line.ts'

/** Bytes of a line without what is added when it is written: node, mono, prev, seq, ts, mark and its mac. */
const MOST_BYTES = 8_192 - 512
const LIMITS = [1_024, 256, 64]

export type CutRecord = Omit<OtherRecord, 'outbox' | 'useReserve'>
type Members = { readonly [name: string]: Canonical | undefined }

/**
 * Any record through the generic canonical writer. A leaf is at most 8 KiB: strings that are too long for it are cut and
 * carry their length and SHA-256 (`…~cut:<UTF-16 units>:sha256:<base64url>`); if that is not enough `ev` is replaced.
 */
export function otherPieces(boot: string, record: CutRecord): Pieces {
  const members = cut(record as unknown as Canonical, Number.POSITIVE_INFINITY) as Members
  let pieces = split(boot, members)
  for (const limit of LIMITS) {
    if (bytesOf(pieces) <= MOST_BYTES) return pieces
    pieces = split(boot, cut(members, limit) as Members)
  }
  if (bytesOf(pieces) <= MOST_BYTES) return pieces
  const ev = canonicalJson(record.ev ?? {})
  return split(boot, { ...(cut(members, 64) as Members), ev: { cut: ev.length, sha256: sha256(ev) } })
}

const MID = ['outcome']
const TAIL = ['req', 'rid']

function split(boot: string, { type, ...members }: Members): Pieces {
  const names = Object.keys(members)
  const inHead = (name: string) => !MID.includes(name) && !TAIL.includes(name)
  const head = canonicalJson({ ...pick(members, names.filter(inHead)), boot })
  return {
    head: head.slice(0, -1),
    mid: inner(pick(members, MID)),
    tail: inner(pick(members, TAIL)),
    end: `,"type":${canonicalJson(type ?? '')},"v":1`,
  }
}

function pick(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(names.map((name) => [name, members[name]]))
}

/** The members of an object, each after a comma. */
function inner(members: Members): string {
  const text = canonicalJson(members).slice(1, -1)
  return text === '' ? '' : `,${text}`
}

function bytesOf(pieces: Pieces): number {
  return Buffer.byteLength(pieces.head + pieces.mid + pieces.tail + pieces.end)
}

/** Shortens long strings, and makes every string well-formed: an agent's text must not stop the log. */
function cut(value: Canonical, limit: number): Canonical {
  if (typeof value === 'string') return value.length <= limit ? value.toWellFormed() : cutText(value, limit)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item: Canonical) => cut(item, limit))
  const entries = Object.entries(value as Members).map(([name, member]) => [
    name,
    member === undefined ? undefined : cut(member, limit),
  ])
  return Object.fromEntries(entries)
}

function cutText(text: string, limit: number): string {
  const kept = text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')
  return `${kept}~cut:${text.length}:sha256:${sha256(text)}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
