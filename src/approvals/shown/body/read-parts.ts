/**
 * Multipart bodies (RFC 2046 §5.1, RFC 7578) taken apart strictly: what stands before the first part, after the last or
 * without an end is said, as some receivers read it and some do not.
 */
import type { Warn } from '../shown.ts'
import { counted, visibleLine } from '../visible.ts'
import { type MediaType, namesOf, readMediaType } from './media-type.ts'

const MAX_PARTS = 500
const MAX_HEAD = 32 * 1024
const LF = 0x0a
const CR = 0x0d

export interface Part {
  /** In their order; names in lower case, folded lines joined. */
  readonly head: readonly (readonly [name: string, value: string])[]
  readonly bytes: Buffer
}

/** The first field of this name. */
export function headField(part: Part, name: string): string | undefined {
  return part.head.find(([one]) => one === name)?.[1]
}

export function typeOfPart(part: Part): MediaType {
  return readMediaType(headField(part, 'content-type') ?? 'text/plain')
}

/** The name and the file name that a part of a form or an attachment gives itself. */
export function namesOfPart(part: Part): { readonly name: string | undefined; readonly file: string | undefined } {
  return namesOf(readMediaType(headField(part, 'content-disposition') ?? ''))
}

/** Undefined where there is no part; then `warn` was told. */
export function readParts(body: Buffer, boundary: string | undefined, warn: Warn): Part[] | undefined {
  if (boundary === undefined || !/^[\x20-\x7e]{1,200}$/.test(boundary)) {
    warn('The body says multipart and names no boundary.')
    return undefined
  }
  const parts: Part[] = []
  let line = nextDelimiter(body, boundary, 0)
  if (line === undefined || line.last) {
    warn('The body says multipart and has no part.')
    return undefined
  }
  if (line.start > 0) warn(`Before the first part stand ${counted(line.start)} bytes that belong to none.`)
  while (!line.last) {
    const next = nextDelimiter(body, boundary, line.end)
    if (parts.length === MAX_PARTS) {
      warn(`There are more than ${MAX_PARTS} parts: ${counted(body.length - line.end)} bytes are not taken apart.`)
      return parts
    }
    parts.push(readPart(body.subarray(line.end, next?.start ?? body.length), warn))
    if (next === undefined) {
      warn('The last part has no end.')
      return parts
    }
    line = next
  }
  const after = body.subarray(line.end).toString('latin1').trim().length
  if (after > 0) warn(`After the last part stand ${counted(body.length - line.end)} bytes that belong to none.`)
  return parts
}

interface Delimiter {
  /** Where the line break before it begins, which belongs to it. */
  readonly start: number
  readonly end: number
  readonly last: boolean
}

/** A line of `--boundary`, or `--boundary--` for the last, and nothing else but spaces. */
function nextDelimiter(body: Buffer, boundary: string, from: number): Delimiter | undefined {
  const dashed = Buffer.from(`--${boundary}`, 'latin1')
  for (let at = body.indexOf(dashed, from); at >= 0; at = body.indexOf(dashed, at + 1)) {
    if (at > 0 && body[at - 1] !== LF) continue
    let end = at + dashed.length
    const last = body[end] === 0x2d && body[end + 1] === 0x2d
    if (last) end += 2
    while (body[end] === 0x20 || body[end] === 0x09) end++
    if (body[end] === CR && body[end + 1] === LF) end += 2
    else if (body[end] === LF) end += 1
    else if (end < body.length && !last) continue
    const breakLength = at === 0 || at === from ? 0 : body[at - 2] === CR && at - 2 >= from ? 2 : 1
    return { start: at - breakLength, end, last }
  }
  return undefined
}

/** Head and content; what has no head is all content. */
export function readPart(bytes: Buffer, warn: Warn): Part {
  const { end, start } = endOfHead(bytes)
  if (end < 0) {
    warn('A part has no empty line after its head: all of it is taken for content.')
    return { head: [], bytes }
  }
  const text = bytes.toString('utf8', 0, end)
  const head: (readonly [string, string])[] = []
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    const before = head.at(-1)
    if (/^[ \t]/.test(line) && before !== undefined) head[head.length - 1] = [before[0], `${before[1]}${line}`]
    else if (colon > 0) head.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()])
    else if (line !== '') warn('A part has a line in its head that is no field.')
  }
  const names = head.map(([name]) => name).filter((name) => name !== 'received')
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) warn(`A head has ${visibleLine(twice, 60)} twice: who reads it may take either.`)
  return { head, bytes: bytes.subarray(start) }
}

function endOfHead(bytes: Buffer): { readonly end: number; readonly start: number } {
  if (bytes[0] === LF) return { end: 0, start: 1 }
  if (bytes[0] === CR && bytes[1] === LF) return { end: 0, start: 2 }
  const begin = bytes.subarray(0, MAX_HEAD)
  const wide = begin.indexOf('\r\n\r\n')
  const narrow = begin.indexOf('\n\n')
  if (narrow >= 0 && (wide < 0 || narrow < wide)) return { end: narrow, start: narrow + 2 }
  return { end: wide, start: wide + 4 }
}
