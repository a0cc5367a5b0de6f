/** HKDF-SHA-256 (RFC 5869), and the labels under which keys are derived from the root key. */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { domain, u32 } from './framing.ts'

/** `length` bytes (default 32). Node gives an ArrayBuffer; this is a Buffer over it. Throws RangeError above 8,160. */
export function hkdf(ikm: KeyObject | Uint8Array, salt: Uint8Array, info: Uint8Array, length = 32): Buffer {
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length))
}

/** As `hkdf`, but the 32 bytes go into a KeyObject and are then zeroed. */
export function hkdfKey(ikm: KeyObject | Uint8Array, salt: Uint8Array, info: Uint8Array): KeyObject {
  return importKey(hkdf(ikm, salt, info))
}

/** Puts secret bytes outside the V8 heap and zeroes the buffer they came in. */
export function importKey(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** Everything that is derived from the root key. No two purposes share a label. */
export type KeyLabel =
  | 'kek'
  | 'audit-redact'
  | 'audit-tail'
  | 'token-pepper'
  | 'meta-mac'
  | 'meta-settings'
  | 'row-mac'
  | 'root-wrap'
  | 'room-key'

/** `HKDF(root, salt = installId, info = D(label) ‖ u32(number))`: the key of this purpose in its N-th generation. */
export function deriveKey(root: KeyObject, installId: Uint8Array, label: KeyLabel, number = 1): KeyObject {
  return hkdfKey(root, installId, Buffer.concat([domain(label), u32(number)]))
}
