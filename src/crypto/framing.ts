/**
 * How every hash, MAC, KDF label and AAD begins and how its fields are set apart.
 * No two purposes share a label, and no two lists of fields share an encoding.
 */

/** `D("purpose")`: the ASCII bytes `claviger/purpose/v1` followed by one zero byte. */
export function domain(purpose: string): Buffer {
  return Buffer.from(`claviger/${purpose}/v1\0`, 'ascii')
}

/** Four bytes, big-endian. */
export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** `lp(x)`: length (u32) then the bytes; text is UTF-8, integers are ASCII decimal. */
export function lp(value: Uint8Array | string | number): Buffer {
  const bytes =
    typeof value === 'object'
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.from(String(value), 'utf8')
  return Buffer.concat([u32(bytes.length), bytes])
}
