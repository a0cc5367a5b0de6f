/**
 * The one place where AES-256-GCM is called. What is sealed looks like `nonce (12) ‖ ciphertext ‖ tag (16)`.
 * Node accepts other nonce lengths, tags cut to four bytes, and hands out plaintext before the tag is checked; none of
 * that can be asked for here. GCM does not commit to its key: where many keys are tried, compare a commitment first.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

export const NONCE_BYTES = 12
export const TAG_BYTES = 16
/** How much longer the sealed form is than the plaintext. */
export const SEALED_OVERHEAD = NONCE_BYTES + TAG_BYTES

const ALGORITHM = 'aes-256-gcm'
const OPTIONS = { authTagLength: TAG_BYTES } as const

/** 96 random bits. A key must not see 2³² of them, so every secret has a key of its own. */
export function randomNonce(): Buffer {
  return randomBytes(NONCE_BYTES)
}

/** Seals under a 256-bit key. `nonce` is given by known-answer tests alone. */
export function seal(key: KeyObject, aad: Uint8Array, plaintext: Uint8Array, nonce: Buffer = randomNonce()): Buffer {
  requireKey(key)
  if (nonce.length !== NONCE_BYTES) throw new RangeError('aead: the nonce has 12 bytes')
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS)
  cipher.setAAD(aad)
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Opens what `seal` made. Returns undefined, whatever the reason, if it is not authentic under this key and AAD. */
export function open(key: KeyObject, aad: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  requireKey(key)
  if (sealed.length < SEALED_OVERHEAD) return undefined
  const tagAt = sealed.length - TAG_BYTES
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), OPTIONS)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(tagAt))
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, tagAt))
  try {
    decipher.final() // throws unless the tag holds; GCM has no bytes left to give here
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}

function requireKey(key: KeyObject): void {
  if (key.type !== 'secret' || key.symmetricKeySize !== 32) throw new TypeError('aead: needs a 256-bit secret key')
}
