import { createHash } from 'node:crypto'
import type { CallAction } from '../action.ts'
import { aCallAction } from '../approvals.support.ts'
import { shownAction, type ToShow } from './show-action.ts'
import type { Fact, Shown } from './shown.ts'

/** 2026-11-21T00:00:00Z. */
export const NOW = Date.UTC(2026, 10, 21)

/** A call with this body and content type, and what is shown of it. */
export function showCall(body: Buffer | string, contentType: string, over: Partial<CallAction> = {}): Shown {
  const bytes = Buffer.from(body)
  const action = aCallAction({
    body: { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    headers: [['content-type', contentType]],
    ...over,
  })
  return show({ action, body: bytes })
}

export function show(input: Partial<ToShow> & Pick<ToShow, 'action'>): Shown {
  return shownAction({ standing: { reasons: ['wants a human'] }, now: NOW, ...input })
}

/** The values of the facts of this name. */
export function valuesOf(facts: readonly Fact[] | undefined, name: string): string[] {
  return (facts ?? []).filter((fact) => fact.name === name).map(({ value }) => value)
}

/** Every string in what is shown, names of members left out. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : []
}

/** What must never be drawn as it is, written here by itself: controls, odd spaces, formats, halves, the undrawn. */
const undrawn = [
  [0x00, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xd800, 0xf8ff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
] as const

export function undrawnIn(text: string): string | undefined {
  for (const character of text) {
    const code = character.codePointAt(0)!
    if (undrawn.some(([from, to]) => code >= from && code <= to)) return `U+${code.toString(16)}`
  }
  return undefined
}
