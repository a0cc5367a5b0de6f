/**
 * The mark on the last record of a group. It covers the line, the line contains `prev`, so it covers the whole group and
 * tells a torn group from a complete one without any key; the mac on it cannot be made without the vault.
 */
import { hash, type KeyObject } from 'node:crypto'
import { domain, u32 } from '../crypto/framing.ts'
import { hmac, sameMac } from '../crypto/mac.ts'

const GROUP = domain('audit-group')
const TAIL = domain('audit-tail')
const BYTES = 16

export const MOST_IN_GROUP = 128

export interface GroupMark {
  readonly count: number
  readonly mark: Buffer
  /** Version of the tail key and the mac; absent when the vault was sealed. */
  readonly mac?: { readonly version: number; readonly bytes: Buffer }
}

export interface TailKey {
  readonly version: number
  readonly key: KeyObject
}

/** First 16 bytes of SHA-256(D("audit-group") ‖ u32(count) ‖ body); `body` is the line before `,"~g":`. */
export function markOf(count: number, body: string | Uint8Array): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return hash('sha256', Buffer.concat([GROUP, u32(count), bytes]), 'buffer').subarray(0, BYTES)
}

/** First 16 bytes of HMAC(auditTail_N, D("audit-tail") ‖ mark). */
export function macOf(key: KeyObject, mark: Uint8Array): Buffer {
  return hmac(key, TAIL, mark).subarray(0, BYTES)
}

/** The value of `~g` for a group of `count` records that ends with `body`. */
export function sealGroup(count: number, body: string, tailKey: TailKey | undefined): string {
  const mark = markOf(count, body)
  const text = `${count}.${mark.toString('base64url')}`
  if (tailKey === undefined) return text
  return `${text}.${tailKey.version}.${macOf(tailKey.key, mark).toString('base64url')}`
}

const SHAPE = /^([1-9][0-9]{0,2})\.([\w-]{22})(?:\.([1-9][0-9]{0,9})\.([\w-]{22}))?$/

/** Reads the value of `~g`; undefined if it is not exactly as `sealGroup` writes it. */
export function parseMark(text: string): GroupMark | undefined {
  const [, count = '', mark = '', version, mac] = SHAPE.exec(text) ?? []
  const bytes = Buffer.from(mark, 'base64url')
  if (bytes.length !== BYTES || bytes.toString('base64url') !== mark || Number(count) > MOST_IN_GROUP) return undefined
  if (version === undefined || mac === undefined) return { count: Number(count), mark: bytes }
  const macBytes = Buffer.from(mac, 'base64url')
  if (macBytes.toString('base64url') !== mac) return undefined
  return { count: Number(count), mark: bytes, mac: { version: Number(version), bytes: macBytes } }
}

const SIGN = ',"~g":"'
const LONGEST = 80

/** Splits a line into what the mark covers and the mark; undefined if the line has none or ends in another way. */
export function splitMark(line: Uint8Array): { readonly body: Uint8Array; readonly mark: GroupMark } | undefined {
  const end = Buffer.from(line.buffer, line.byteOffset, line.byteLength)
  const from = Math.max(0, end.length - LONGEST)
  const at = end.subarray(from).lastIndexOf(SIGN)
  if (at < 0) return undefined
  const value = end.toString('latin1', from + at + SIGN.length)
  if (!value.endsWith('"}')) return undefined
  const mark = parseMark(value.slice(0, -2))
  return mark && { body: end.subarray(0, from + at), mark }
}

/** Whether the mark is the one of this body. */
export function markHolds(body: Uint8Array, mark: GroupMark): boolean {
  return sameMac(markOf(mark.count, body), mark.mark)
}

/** 'none' without a mac, 'unknown' for a key version that is not at hand. */
export function macVerdict(mark: GroupMark, tailKey: TailKey): 'good' | 'bad' | 'none' | 'unknown' {
  if (mark.mac === undefined) return 'none'
  if (mark.mac.version !== tailKey.version) return 'unknown'
  return sameMac(macOf(tailKey.key, mark.mark), mark.mac.bytes) ? 'good' : 'bad'
}
