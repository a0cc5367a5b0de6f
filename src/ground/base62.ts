const ALPHABET = Buffer.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 'latin1')
const ZERO = 0x30
/** As many digits as fit a safe integer: big numbers are divided once for each of these in place of once a digit. */
const DIGITS = 8
const CHUNK = 62n ** BigInt(DIGITS)

/**
 * Big-endian base62 of `bytes`, left-padded with `0` to exactly `width` characters. Throws RangeError if it does not fit.
 * Written into a buffer, because a string made by appending keeps every step of its making alive.
 */
export function base62(bytes: Uint8Array, width: number): string {
  let value = BigInt(`0x0${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`)
  const text = Buffer.alloc(width, ZERO)
  for (let end = width - 1; value > 0n; end -= DIGITS) {
    let chunk = Number(value % CHUNK)
    value /= CHUNK
    for (let at = end; chunk > 0; at--) {
      if (at < 0) throw new RangeError(`base62: ${bytes.length} bytes do not fit in ${width} characters`)
      text[at] = ALPHABET[chunk % 62] as number
      chunk = Math.floor(chunk / 62)
    }
  }
  return text.toString('latin1')
}
