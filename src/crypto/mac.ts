import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** HMAC-SHA-256 over the parts one after the other; the first begins with a `domain()`. 32 bytes. */
export function hmac(key: KeyObject, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** Compares two MACs or hashes in constant time. Unequal lengths are unequal, not an error. */
export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
