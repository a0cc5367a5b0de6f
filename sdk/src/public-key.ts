// P-256 public keys: read strictly, named by their thumbprint.
import { concat, equal, fromBase64url, sha256, toBase64url, toHex, utf8 } from './bytes.ts'
import { ClavigerError } from './claviger-error.ts'
import { fromPem, toPem } from './pem.ts'
import type { Bytes, WebKey } from './platform.ts'
import { isObject } from './strict-json.ts'

export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  /** 32 bytes, base64url. */
  readonly x: string
  readonly y: string
}

export interface PublicKey {
  readonly jwk: PublicJwk
  /** SubjectPublicKeyInfo in PEM. */
  readonly pem: string
  /** RFC 7638: SHA-256 of the canonical JWK, base64url, 43 characters. */
  readonly thumbprint: string
  /** `sha256:` and the hex SHA-256 of the SubjectPublicKeyInfo. */
  readonly hash: string
  /** For verification with Web Crypto. */
  readonly key: WebKey
}

export const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

// RFC 5480: the fixed DER before an uncompressed point of P-256.
const HEAD = Uint8Array.of(
  ...[0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86],
  ...[0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00],
)

/** From SPKI PEM or JWK. Throws `key_invalid`: private keys, other curves and points that are on no curve included. */
export async function readPublicKey(input: string | object): Promise<PublicKey> {
  const { x, y } = typeof input === 'string' ? pointOf(fromPem(input, 'PUBLIC KEY')) : coordinatesOf(input)
  const spki = concat(HEAD, Uint8Array.of(4), x, y)
  const jwk = { kty: 'EC', crv: 'P-256', x: toBase64url(x), y: toBase64url(y) } as const
  const key = await crypto.subtle.importKey('spki', spki, ECDSA, true, ['verify']).catch((cause) => {
    throw invalid('the point is not on the curve', cause)
  })
  return {
    jwk,
    pem: toPem(spki, 'PUBLIC KEY'),
    thumbprint: await thumbprintOf(jwk),
    hash: `sha256:${toHex(await sha256(spki))}`,
    key,
  }
}

async function thumbprintOf({ crv, kty, x, y }: PublicJwk): Promise<string> {
  return toBase64url(await sha256(utf8(JSON.stringify({ crv, kty, x, y }))))
}

/** The public key of a Web Crypto key that may be exported, as public keys always may. */
export async function publicKeyOf(key: WebKey): Promise<PublicKey> {
  return readPublicKey((await crypto.subtle.exportKey('jwk', key)) as object)
}

/** Whether `signature` (64 bytes r‖s) over `data` is this key's. */
export async function verifySignature(key: WebKey, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return await crypto.subtle.verify(ECDSA, key, signature as Bytes, data as Bytes)
}

function pointOf(spki: Bytes): { x: Bytes; y: Bytes } {
  const isPlain = spki.length === HEAD.length + 65 && equal(spki.subarray(0, HEAD.length), HEAD)
  if (!isPlain || spki[HEAD.length] !== 4) throw invalid('not an uncompressed point of P-256')
  return { x: spki.slice(HEAD.length + 1, HEAD.length + 33), y: spki.slice(HEAD.length + 33) }
}

function coordinatesOf(input: object): { x: Bytes; y: Bytes } {
  if (!isObject(input) || input.kty !== 'EC' || input.crv !== 'P-256') throw invalid('kty EC and crv P-256 are wanted')
  if ('d' in input) throw invalid('it holds the private key, which must never be sent')
  const [x, y] = [coordinate(input.x), coordinate(input.y)]
  if (x === undefined || y === undefined) throw invalid('x and y are 32 bytes in base64url')
  return { x, y }
}

function coordinate(value: unknown): Bytes | undefined {
  return typeof value === 'string' && value.length === 43 ? fromBase64url(value) : undefined
}

function invalid(detail: string, cause?: unknown): ClavigerError {
  return new ClavigerError('key_invalid', 'This is no P-256 public key', { detail, cause })
}
