/** Takes the content codings off a request body, whole and bounded: a body that swells is shown as it was sent. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { Warn } from '../shown.ts'
import { counted, visibleLine } from '../visible.ts'

const MAX_BYTES = 16 * 1024 ** 2
const MAX_RATIO = 200
const FREE_BYTES = 1024 ** 2
const MAX_CODINGS = 2

type TakeOff = (body: Buffer, options: { readonly maxOutputLength: number }) => Buffer

const codings: Readonly<Record<string, TakeOff>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  // zlib by RFC 9110 section 8.4.1.2; some send it bare.
  deflate: (body, options) => ((body[0]! & 0x0f) === 8 ? inflateSync : inflateRawSync)(body, options),
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
}

/** The bytes below the codings; undefined where they cannot be had, and then `warn` was told. */
export function takeOffCodings(body: Buffer, contentEncoding: string, warn: Warn): Buffer | undefined {
  const named = contentEncoding.split(',').map((name) => name.trim().toLowerCase())
  const applied = named.filter((name) => name !== '' && name !== 'identity')
  if (applied.length > MAX_CODINGS || !applied.every((name) => Object.hasOwn(codings, name))) {
    warn(`The body is in a coding that is not known here, ${visibleLine(contentEncoding, 100)}: it cannot be read.`)
    return undefined
  }
  const most = Math.min(MAX_BYTES, FREE_BYTES + body.length * MAX_RATIO)
  let bytes = body
  for (const name of applied.reverse()) {
    try {
      bytes = codings[name]!(bytes, { maxOutputLength: most })
    } catch (error) {
      const swells = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
      warn(
        swells
          ? `The body says ${name} and grows to more than ${counted(most)} bytes: it is shown as it is sent.`
          : `The body says ${name} and is not: it cannot be read.`,
      )
      return undefined
    }
  }
  return bytes
}
