import { isUtf8 } from 'node:buffer'
import type { engines } from '../decode.ts'

/** Tells by its first bytes whether a body is compressed, though nobody said so. */

/** Bytes looked at to tell text from other things. */
const GLANCE = 512

export interface Format {
  readonly engine: keyof typeof engines
  /** No text begins like this: if it cannot be decompressed it is damaged. */
  readonly certain: boolean
}

/** What the body may be, by how it begins. */
export function formatsOf(begin: Buffer): readonly Format[] {
  if (!markable[begin[0]!]) return isText(begin) ? none : unmarked
  for (const { format, mark } of marks) if (begin.length >= mark.length && fits(begin, mark)) return [format]
  return isText(begin) ? none : unmarked
}

/** Whether more bytes are needed to tell. */
export const beginsLikeMark = (begin: Buffer): boolean =>
  begin.length < LONGEST_MARK && marks.some(({ mark }) => begin.length < mark.length && fits(begin, mark))

function fits(begin: Buffer, mark: Mark): boolean {
  for (let i = 0; i < mark.length && i < begin.length; i++) {
    if ((begin[i]! & mark[i]!.mask) !== mark[i]!.value) return false
  }
  return true
}

type Mark = readonly { readonly value: number; readonly mask: number }[]

const exactly = (...bytes: number[]) => bytes.map((value) => ({ value, mask: 0xff }))

const marks: readonly { readonly format: Format; readonly mark: Mark }[] = [
  { format: { engine: 'gzip', certain: true }, mark: exactly(0x1f, 0x8b, 0x08) },
  { format: { engine: 'zstd', certain: true }, mark: exactly(0x28, 0xb5, 0x2f, 0xfd) },
  // A zstd stream may begin with a frame that is to be skipped (RFC 8878 section 3.1.2).
  { format: { engine: 'zstd', certain: true }, mark: [{ value: 0x50, mask: 0xf0 }, ...exactly(0x2a, 0x4d, 0x18)] },
  // RFC 1950 with the usual window; `x^` may be a text.
  ...[0x01, 0x5e, 0x9c, 0xda].map((flags) => ({
    format: { engine: 'zlib' as const, certain: flags !== 0x5e },
    mark: exactly(0x78, flags),
  })),
]

const LONGEST_MARK = Math.max(...marks.map(({ mark }) => mark.length))
/** Whether some mark begins with this byte: a quick no for nearly all text. */
const markable = Array.from({ length: 256 }, (_, byte) => marks.some(({ mark }) => fits(Buffer.of(byte), mark)))

const none: readonly Format[] = []
const unmarked: readonly Format[] = [
  { engine: 'br', certain: false },
  { engine: 'raw', certain: false },
]

function isText(begin: Buffer): boolean {
  const shown = Math.min(begin.length, 64)
  for (let i = 0; i < shown; i++) {
    const byte = begin[i]!
    if (byte < 0x20 && (byte < 0x09 || byte > 0x0d || byte === 0x0b)) return false
  }
  if (begin.length <= GLANCE) return isUtf8(begin)
  // The end of the glance may have cut a character.
  return [0, 1, 2, 3].some((cut) => isUtf8(begin.subarray(0, GLANCE - cut)))
}
