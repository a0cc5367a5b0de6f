// Memory for taking compressed bodies apart. Its invariant: what all decoders together may come to hold is bounded,
// whatever windows the senders ask for; who comes when it is spent is refused, not queued.
import { totalmem } from 'node:os'
import type { Transform } from 'node:stream'
import { problemsOf } from '../ground/problem.ts'

const MIB = 1024 * 1024
/** All windows together. On a machine of some size, 32 calls of one agent with the largest there are take half of it. */
const MOST_BYTES = Math.min(1024 * MIB, totalmem() / 8)

const problem = problemsOf({
  decoding_busy: {
    status: 503,
    title: 'Too many compressed answers are being searched at once',
    hint: 'Try again in a moment, or with Accept-Encoding: gzip.',
  },
})

/** Counts what decoders may come to hold. */
export class WindowPool {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes `bytes` until the engine closes. Throws Problem `decoding_busy`. */
  take(bytes: number, engine: Transform): void {
    if (this.#taken + bytes > this.#most) throw problem('decoding_busy', { facts: { retryAfterSeconds: 1 } })
    this.#taken += bytes
    engine.once('close', () => {
      this.#taken -= bytes
    })
  }
}

export const windows = new WindowPool(MOST_BYTES)

/** The window that a brotli stream asks for in its first byte (RFC 7932 §9.1). */
export function brotliWindow(begin: Buffer): number {
  const byte = begin[0] ?? 0
  if ((byte & 1) === 0) return 1 << 16
  const high = (byte >> 1) & 7
  if (high > 0) return 1 << (17 + high)
  const low = (byte >> 4) & 7
  return 1 << (low === 0 ? 17 : 8 + low)
}

/** The largest that a decoder of zstd is held to (RFC 9659): a later frame may ask for more than the first one does. */
export function zstdWindow(): number {
  return 8 * MIB
}

/** Deflate looks back 32 KiB at most. */
export function deflateWindow(): number {
  return 64 * 1024
}
