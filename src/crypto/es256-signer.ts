import { type KeyObject, sign } from 'node:crypto'
import { rawFromDer } from './ecdsa-der.ts'

/** A private P-256 key that signs, wherever it lies: in this process, or in a token that never gives it out. */
export interface Es256Signer {
  /** RFC 7638 thumbprint of its public key. */
  readonly kid: string
  /** ECDSA over SHA-256 of `data`: 64 bytes, r‖s (RFC 7518 §3.4). */
  sign(data: Uint8Array): Buffer | Promise<Buffer>
}

export function keySigner(kid: string, privateKey: KeyObject): Es256Signer {
  return { kid, sign: (data) => signEs256(privateKey, data) }
}

/** At once. 64 bytes, r‖s. */
export function signEs256(privateKey: KeyObject, data: Uint8Array): Buffer {
  return rawFromDer(sign('sha256', data, privateKey)) as Buffer
}

/** A signed JWT (RFC 7519), compact form. `typ` stands in its header, so that no kind of token passes for another. */
export async function signJwt(
  signer: Es256Signer,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const header = `{"alg":"ES256","typ":"${typ}","kid":"${signer.kid}"}`
  const input = `${base64url(header)}.${base64url(JSON.stringify(claims))}`
  return `${input}.${(await signer.sign(Buffer.from(input, 'latin1'))).toString('base64url')}`
}

function base64url(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}
