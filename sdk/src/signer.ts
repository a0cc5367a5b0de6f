// Who signs for an agent. The private key may lie anywhere: Web Crypto, an HSM, a TPM, the Secure Enclave, another process.
import { ClavigerError } from './claviger-error.ts'
import { importKeyPair } from './keys.ts'
import type { Bytes, WebKeyPair } from './platform.ts'
import { ECDSA, type PublicJwk, publicKeyOf } from './public-key.ts'

export interface Signer {
  /** SubjectPublicKeyInfo in PEM, or a JWK. */
  readonly publicKey: string | PublicJwk
  /** ECDSA on P-256 over the SHA-256 of `bytes`: 64 bytes, r‖s. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** Signs with a Web Crypto pair, extractable or not: from `generateKeyPair()`, `importKeyPair()` or IndexedDB. */
export async function webCryptoSigner({ publicKey, privateKey }: WebKeyPair): Promise<Signer> {
  const { pem } = await publicKeyOf(publicKey)
  return {
    publicKey: pem,
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign(ECDSA, privateKey, bytes as Bytes)),
  }
}

/** Signs with a private key in PKCS#8 PEM. Throws `key_invalid`. */
export async function pemSigner(privateKeyPem: string): Promise<Signer> {
  return webCryptoSigner(await importKeyPair(privateKeyPem))
}

/** A failure of a signer that is not in this process. */
export function signerFailed(detail: string, cause?: unknown): ClavigerError {
  return new ClavigerError('signer_failed', 'The key did not sign', { detail, cause })
}
