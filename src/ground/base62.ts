const ALPHABET = Buffer.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 'latin1')
const ZERO = 0x30

/**
 * Big-endian base62 of `bytes`, left-padded with `0` to exactly `width` characters. Throws RangeError if it does not fit.
 * Written into a buffer, because a string made by appending keeps every step of its making alive.
 */
export function base62(bytes: Uint8Array, width: number): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  const text = Buffer.alloc(width, ZERO)
  for (let at = width - 1; value > 0n; at--) {
    if (at < 0) throw new RangeError(`base62: ${bytes.length} bytes do not fit in ${width} characters`)
    text[at] = ALPHABET[Number(value % 62n)] as number
    value /= 62n
  }
  return text.toString('latin1')
}
