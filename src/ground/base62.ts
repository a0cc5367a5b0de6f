const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Big-endian base62 of `bytes`, left-padded with `0` to exactly `width` characters. Throws RangeError if it does not fit. */
export function base62(bytes: Uint8Array, width: number): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let text = ''
  while (value > 0n) {
    text = ALPHABET[Number(value % 62n)] + text
    value /= 62n
  }
  if (text.length > width) throw new RangeError(`base62: ${bytes.length} bytes do not fit in ${width} characters`)
  return text.padStart(width, '0')
}
