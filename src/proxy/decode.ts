import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import { DecodeBudget, type DecodeLimits, DecodeStage, decodeProblem } from './decode-stage.ts'
import { type BodyTransform, chained } from './transform.ts'
import { brotliWindow, deflateWindow, zstdWindow } from './window-pool.ts'

/**
 * Takes the content encoding off an upstream's body, so that it can be searched; the answer goes on as identity.
 * Bodies are never collected: what is bounded is the growth (a bomb is cut at the first output too much), each layer's
 * window, and all windows together (window-pool.ts). What cannot be decoded is refused.
 */

/** A JSON list compresses up to some 50 times, deflate at most 1,032 times. */
export const defaultDecodeLimits: DecodeLimits = { freeBytes: 1 << 20, ratio: 200, maxBytes: 4 * 1024 ** 3 }

const MAX_LAYERS = 2
/** RFC 9659: as a content encoding zstd uses windows of at most 8 MiB. */
const ZSTD_WINDOW_LOG = 23
const chunkSize = 32 * 1024

/** Engines that take off one layer each; the windows are at most 32 KiB (deflate), 16 MiB (br) and 8 MiB (zstd). */
export const engines = {
  gzip: (): Transform => createGunzip({ chunkSize }),
  zlib: (): Transform => createInflate({ chunkSize }),
  raw: (): Transform => createInflateRaw({ chunkSize }),
  br: (): Transform => createBrotliDecompress({ chunkSize }),
  zstd: (): Transform =>
    createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } }),
}

const windowOf: Readonly<Record<keyof typeof engines, (begin: Buffer) => number>> = {
  gzip: deflateWindow,
  zlib: deflateWindow,
  raw: deflateWindow,
  br: brotliWindow,
  zstd: zstdWindow,
}

/** One layer taken off by this engine. */
export function stageOf(engine: keyof typeof engines, budget: DecodeBudget): DecodeStage {
  return new DecodeStage(engines[engine](), budget, windowOf[engine])
}

type Layer = (budget: DecodeBudget) => BodyTransform

const layers: Readonly<Record<string, Layer>> = {
  gzip: (budget) => stageOf('gzip', budget),
  'x-gzip': (budget) => stageOf('gzip', budget),
  deflate: (budget) => inflateOfEitherKind(budget),
  br: (budget) => stageOf('br', budget),
  zstd: (budget) => stageOf('zstd', budget),
}

const DECODED = ['gzip', 'deflate', 'br', 'zstd']

/**
 * A decoder for a body with this `Content-Encoding` (several field lines joined by commas), or undefined when there
 * is nothing to decode. Throws Problem `upstream_encoding_refused` for a coding that is not known, or more than two.
 * The decoder rejects with `upstream_body_swells` or `upstream_broke`; then the rest of the body must not be sent.
 */
export function decoderFor(contentEncoding: string, limits = defaultDecodeLimits): BodyTransform | undefined {
  const codings = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase())
  const applied = codings.filter((coding) => coding !== '' && coding !== 'identity')
  if (applied.length === 0) return undefined
  if (applied.length > MAX_LAYERS || !applied.every((coding) => Object.hasOwn(layers, coding))) {
    throw decodeProblem('upstream_encoding_refused')
  }
  const budget = new DecodeBudget(limits)
  const counting: BodyTransform = {
    push(chunk, emit) {
      budget.came(chunk.length)
      return emit(chunk)
    },
    flush: () => undefined,
  }
  return chained([counting, ...applied.reverse().map((coding) => layers[coding]!(budget))])
}

/**
 * The `Accept-Encoding` to send in place of the caller's: what is understood here of what the caller listed, in the
 * caller's order, else identity. Weights are dropped but for 0, which strikes a coding out (RFC 9110 section 12.5.3).
 */
export function acceptEncoding(requested: string | undefined): string {
  if (requested === undefined) return 'identity'
  const listed: string[] = []
  const struck = new Set<string>()
  for (const item of requested.split(',')) {
    const [coding, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) struck.add(coding!)
    else listed.push(...(coding === '*' ? DECODED : [coding === 'x-gzip' ? 'gzip' : coding!]))
  }
  const chosen = listed.filter(
    (coding, i) => DECODED.includes(coding) && !struck.has(coding) && listed.indexOf(coding) === i,
  )
  return chosen.length === 0 ? 'identity' : chosen.join(', ')
}

/** `deflate` is zlib by RFC 9110 section 8.4.1.2, but some send it bare; the first byte tells (method 8 or not). */
function inflateOfEitherKind(budget: DecodeBudget): BodyTransform {
  let stage: DecodeStage | undefined
  return {
    push(chunk, emit) {
      stage ??= stageOf((chunk[0]! & 0x0f) === 8 ? 'zlib' : 'raw', budget)
      return stage.push(chunk, emit)
    },
    flush: (emit) => stage?.flush(emit),
    destroy: () => stage?.destroy(),
  }
}
