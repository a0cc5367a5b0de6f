import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

const block = createHash('shake256', { outputLength: 1 << 16 })
  .update('claviger pattern')
  .digest()

function* pieces(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length))
}

/** `length` bytes that both ends of a transfer know without holding them. */
export function patternStream(length: number): Readable {
  return Readable.from(pieces(length), { objectMode: false, highWaterMark: block.length })
}

/** SHA-256, in hex, of the same bytes. */
export function patternDigest(length: number): string {
  const hash = createHash('sha256')
  for (const piece of pieces(length)) hash.update(piece)
  return hash.digest('hex')
}
