/**
 * The API key of a relying service: `svc_`, 43 base62 characters from 32 random bytes, and 6 of the CRC-32 of all before.
 * The checksum keeps garbage from costing a hash; it guards nothing. What is stored is the keyed hash of crypto/tokens.ts,
 * kind `svc`.
 */
import { type KeyObject, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { storedForm } from '../../crypto/tokens.ts'
import { base62 } from '../../ground/base62.ts'
import { Secret } from '../../ground/secret.ts'

const SHAPE = /^svc_[0-9A-Za-z]{49}$/
const LENGTH = 53
const CRC_AT = LENGTH - 6

/** A new key, shown once, and what is kept of it. */
export function newServiceKey(pepper: KeyObject): { readonly key: Secret; readonly hash: Buffer } {
  const bytes = randomBytes(32)
  const text = composeServiceKey(bytes)
  bytes.fill(0)
  return { key: Secret.fromText(text), hash: storedServiceKey(pepper, text) }
}

/** The text of a key from its 32 bytes. */
export function composeServiceKey(bytes: Uint8Array): string {
  if (bytes.length !== 32) throw new RangeError('service key: wrong size')
  const head = `svc_${base62(bytes, 43)}`
  return head + checksum(head)
}

/** Whether the text has the form of a key and its checksum holds; proves nothing. */
export function isServiceKey(text: string): boolean {
  return text.length === LENGTH && SHAPE.test(text) && checksum(text.slice(0, CRC_AT)) === text.slice(CRC_AT)
}

export function storedServiceKey(pepper: KeyObject, text: string): Buffer {
  return storedForm(pepper, 'svc', text)
}

function checksum(text: string): string {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(crc32(text))
  return base62(bytes, 6)
}
