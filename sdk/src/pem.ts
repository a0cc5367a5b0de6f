import { fromBase64, toBase64 } from './bytes.ts'
import { ClavigerError } from './claviger-error.ts'
import type { Bytes } from './platform.ts'

const BLOCK = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n((?:[A-Za-z0-9+/=]{1,76}\r?\n)+)-----END \1-----\s*$/

const hints: Readonly<Record<string, string>> = {
  'EC PRIVATE KEY': 'Bring it to PKCS#8: openssl pkcs8 -topk8 -nocrypt -in key.pem',
  'ENCRYPTED PRIVATE KEY': 'Decrypt it first: openssl pkcs8 -in key.pem',
  CERTIFICATE: 'Take the public key out: openssl x509 -pubkey -noout -in cert.pem',
}

/** The bytes of a PEM text that holds exactly one block of this label (RFC 7468). Throws `key_invalid`. */
export function fromPem(text: string, label: 'PUBLIC KEY' | 'PRIVATE KEY'): Bytes {
  const [, found = '', body = ''] = BLOCK.exec(text) ?? []
  const bytes = found === label ? fromBase64(body.replaceAll(/\s/g, '')) : undefined
  if (bytes !== undefined) return bytes
  const hint = hints[found] ?? `Give exactly one block -----BEGIN ${label}-----`
  throw new ClavigerError('key_invalid', `This is no PEM text with a ${label.toLowerCase()}`, { hint })
}

export function toPem(bytes: Uint8Array, label: 'PUBLIC KEY' | 'PRIVATE KEY'): string {
  const lines = toBase64(bytes).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
