// Private keys in Web Crypto: made, brought in, given out.
import { ClavigerError } from './claviger-error.ts'
import { fromPem, toPem } from './pem.ts'
import type { Bytes, WebKeyPair } from './platform.ts'
import { ECDSA, publicKeyOf } from './public-key.ts'

export interface PemKeyPair {
  /** SubjectPublicKeyInfo. */
  readonly publicKey: string
  /** PKCS#8, not encrypted: mode 0600 where it becomes a file. */
  readonly privateKey: string
}

/** A pair whose private key never leaves Web Crypto: nothing reads it out, this program included. */
export async function generateKeyPair(): Promise<WebKeyPair> {
  return generate(false)
}

/** A pair as text, for a file. */
export async function generatePemKeyPair(): Promise<PemKeyPair> {
  const { publicKey, privateKey } = await generate(true)
  const pkcs8 = new Uint8Array((await crypto.subtle.exportKey('pkcs8', privateKey)) as ArrayBuffer)
  const pem = toPem(pkcs8, 'PRIVATE KEY')
  pkcs8.fill(0)
  return { publicKey: (await publicKeyOf(publicKey)).pem, privateKey: pem }
}

/** The pair of a PKCS#8 PEM text; its private key is not extractable again. Throws `key_invalid`. */
export async function importKeyPair(privateKeyPem: string): Promise<WebKeyPair> {
  const pkcs8 = fromPem(privateKeyPem, 'PRIVATE KEY')
  try {
    const publicKey = await importPublic(pkcs8)
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, ECDSA, false, ['sign'])
    return { publicKey, privateKey }
  } catch (cause) {
    throw new ClavigerError('key_invalid', 'This is no P-256 private key', { cause })
  } finally {
    pkcs8.fill(0)
  }
}

/** The public half comes from a copy that is extractable and forgotten at once. */
async function importPublic(pkcs8: Bytes) {
  const copy = await crypto.subtle.importKey('pkcs8', pkcs8, ECDSA, true, ['sign'])
  const { kty, crv, x, y } = (await crypto.subtle.exportKey('jwk', copy)) as Record<string, string>
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined) throw new TypeError('not on P-256')
  return crypto.subtle.importKey('jwk', { kty, crv, x, y }, ECDSA, true, ['verify'])
}

async function generate(extractable: boolean): Promise<WebKeyPair> {
  return (await crypto.subtle.generateKey(ECDSA, extractable, ['sign', 'verify'])) as WebKeyPair
}
