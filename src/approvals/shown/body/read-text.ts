/** Bytes as text, by their charset. What is not valid in it is shown as U+FFFD, and said. */
import type { Warn } from '../shown.ts'
import { visibleLine } from '../visible.ts'

const LOOK = 64 * 1024

/** Undefined where the bytes are no text. */
export function readText(bytes: Buffer, charset: string | undefined, warn: Warn): string | undefined {
  const wide = charset !== undefined && /^utf-?16/i.test(charset)
  if (!wide && looksBinary(bytes.subarray(0, LOOK), charset === undefined || /^utf-?8$/i.test(charset)))
    return undefined
  const decoder = decoderOf(charset, warn)
  const text = decoder.decode(bytes)
  if (text.includes('\ufffd') && !isValid(bytes, decoder.encoding)) {
    warn(`The text is not valid ${decoder.encoding}: what is wrong in it is shown as \ufffd.`)
  }
  return text
}

function decoderOf(charset: string | undefined, warn: Warn): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset ?? 'utf-8', { ignoreBOM: true })
  } catch {
    warn(`The charset ${visibleLine(charset ?? '', 60)} is not known here: the text is read as UTF-8.`)
    return new TextDecoder('utf-8', { ignoreBOM: true })
  }
}

function isValid(bytes: Buffer, encoding: string): boolean {
  try {
    new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Zero bytes, or many control characters, or much that is not UTF-8 where it is to be that. */
function looksBinary(begin: Buffer, isUtf8: boolean): boolean {
  if (begin.includes(0)) return true
  let odd = 0
  for (const byte of begin) if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b) odd++
  if (isUtf8) odd += begin.toString('utf8').split('\ufffd').length - 1
  return odd * 10 > begin.length
}
