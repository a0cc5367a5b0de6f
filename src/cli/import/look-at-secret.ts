// The only looks into a secret that an importer takes, besides handing it over: none of them gives it out.
import type { KeyObject } from 'node:crypto'
import { toBase64url } from '../../crypto/base64url.ts'
import { domain } from '../../crypto/framing.ts'
import { hmac } from '../../crypto/mac.ts'
import { isCredentialText } from '../../ground/credential-text.ts'
import type { Secret } from '../../ground/secret.ts'

/** Tells equal secrets from others without keeping them: good only with the key. */
export function digestOf(secret: Secret, key: KeyObject): string {
  return toBase64url(hmac(key, domain('import-digest'), secret.reveal()))
}

/** Whether these bytes hold the secret. */
export function holds(bytes: Buffer, secret: Secret): boolean {
  return bytes.includes(secret.reveal())
}

/** Why the vault would not take it; undefined if it would. */
export function unstorable(secret: Secret): string | undefined {
  if (secret.length < 8) return 'shorter than the 8 bytes that a credential has'
  if (secret.length > 65_536) return 'longer than the 65,536 bytes that a credential may have'
  return isCredentialText(secret.reveal()) ? undefined : 'no request header can carry it (line breaks, or not ASCII)'
}
