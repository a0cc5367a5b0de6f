/** A JSON body: what it says to a strict reader, and its text to be laid out. */
import { isJsonText } from '../../../ground/json-bytes.ts'
import { Problem } from '../../../ground/problem.ts'
import { type JsonValue, parseStrictJson } from '../../../ground/strict-json.ts'
import type { Warn } from '../shown.ts'
import { counted } from '../visible.ts'

/** Made into values no further than this: the previews of larger ones are missing, and the text is there. */
const MAX_BYTES = 12 * 1024 ** 2
/** Values and escapes, of which some bodies have very many for their length: `[[],[],…`. */
const MAX_PIECES = 400_000

export interface JsonBody {
  readonly text: string
  /** Left out where two readers could understand it differently; then `warn` was told. */
  readonly value?: JsonValue
}

/** Undefined where it is no JSON. */
export function readJson(bytes: Buffer, warn: Warn): JsonBody | undefined {
  if (!isJsonText(bytes)) return undefined
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  if (bytes.length > MAX_BYTES || pieces(bytes) > MAX_PIECES) {
    warn(`The JSON has ${counted(bytes.length)} bytes: too large to be read further than what is shown.`)
    return { text }
  }
  try {
    return { text, value: parseStrictJson(bytes) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const where = typeof error.facts.offset === 'number' ? ` at character ${counted(error.facts.offset)}` : ''
    warn(`The JSON can be read in more than one way: ${error.detail ?? error.title}${where}.`)
    return { text }
  }
}

function pieces(bytes: Buffer): number {
  let count = 0
  for (const mark of [0x2c, 0x5c, 0x5b, 0x7b]) {
    for (let at = bytes.indexOf(mark); at >= 0 && count <= MAX_PIECES; at = bytes.indexOf(mark, at + 1)) count++
  }
  return count
}
