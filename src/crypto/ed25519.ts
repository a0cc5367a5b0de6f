import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

// RFC 8410: the fixed DER before a 32-byte seed (PKCS #8) and before a 32-byte public key (SPKI).
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

export interface SigningKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** The key pair of a 32-byte seed (RFC 8032 §5.1.5). The seed stays the caller's to zero. */
export function ed25519FromSeed(seed: Uint8Array): SigningKey {
  if (seed.length !== 32) throw new RangeError('ed25519: a seed has 32 bytes')
  const der = Buffer.concat([PKCS8, seed])
  try {
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return { privateKey, publicKey: createPublicKey(privateKey) }
  } finally {
    der.fill(0)
  }
}

/** A public key from its 32 bytes. */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new RangeError('ed25519: a public key has 32 bytes')
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
}

/** The 32 bytes of a public key. */
export function ed25519Raw(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TypeError('ed25519: another kind of key')
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI.length)
}
