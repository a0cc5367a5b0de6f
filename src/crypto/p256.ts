/**
 * P-256 public keys and ECDSA signatures over SHA-256 (FIPS 186-5), in the forms that clients use. What comes in is
 * brought to one form and judged there: a point on the curve, r and s in range, 64 bytes. Nothing is ever named by its
 * signature, because (r, n − s) holds wherever (r, s) does.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { Problem, problemsOf } from '../ground/problem.ts'
import { fromBase64url } from './base64url.ts'
import { derFromRaw, rawFromDer } from './ecdsa-der.ts'

export interface P256Jwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  /** 32 bytes, base64url. */
  readonly x: string
  readonly y: string
}

export interface P256PublicKey {
  readonly key: KeyObject
  /** SubjectPublicKeyInfo, DER, uncompressed point. */
  readonly spki: Buffer
  /** RFC 7638: SHA-256 of the canonical JWK, base64url, 43 characters. */
  readonly thumbprint: string
  /** `sha256:` and the hex SHA-256 of `spki`. */
  readonly hash: string
  readonly jwk: P256Jwk
}

export const p256Problems = {
  public_key_invalid: {
    status: 422,
    title: 'This is no P-256 public key',
    hint: 'Give a SubjectPublicKeyInfo in PEM (-----BEGIN PUBLIC KEY-----) or a JWK with kty EC and crv P-256',
  },
} as const

const problem = problemsOf(p256Problems)
/** RFC 5480: the fixed DER before an uncompressed point of P-256. */
const SPKI = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const PEM = /^\s*-----BEGIN PUBLIC KEY-----\r?\n(?:[A-Za-z0-9+/=]{1,76}\r?\n){1,4}-----END PUBLIC KEY-----\s*$/
const HEX = /^(?:[0-9a-fA-F]{2})+$/
const RAW_BYTES = 64

/** Throws Problem `public_key_invalid` for anything else: private keys, other curves, points that are on no curve. */
export function readPublicKey(input: string | Readonly<Record<string, unknown>>): P256PublicKey {
  try {
    if (typeof input === 'string') {
      if (!PEM.test(input)) throw problem('public_key_invalid')
      return fromKey(createPublicKey({ key: input, format: 'pem', type: 'spki' }))
    }
    const { kty, crv, x, y } = input
    if (kty !== 'EC' || crv !== 'P-256' || !isCoordinate(x) || !isCoordinate(y)) throw problem('public_key_invalid')
    if (!isForSignatures(input)) throw problem('public_key_invalid', { detail: 'It is meant for something else.' })
    if ('d' in input)
      throw problem('public_key_invalid', { detail: 'It holds the private key, which must never be sent.' })
    return fromKey(createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' }))
  } catch (cause) {
    throw cause instanceof Problem ? cause : problem('public_key_invalid', { cause })
  }
}

/** The same from the DER that `spki` holds. */
export function publicKeyFromSpki(spki: Uint8Array): P256PublicKey {
  return fromKey(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }))
}

/** The same from the point itself: 65 bytes, uncompressed. */
export function publicKeyFromPoint(point: Uint8Array): P256PublicKey {
  return publicKeyFromSpki(Buffer.concat([SPKI, point]))
}

/** The public key of any P-256 key object, private ones included. */
export function fromKey(key: KeyObject): P256PublicKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw problem('public_key_invalid')
  }
  const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string }
  const point = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  const spki = Buffer.concat([SPKI, Buffer.of(4), ...point])
  const thumbprint = createHash('sha256').update(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).digest('base64url')
  const hash = `sha256:${createHash('sha256').update(spki).digest('hex')}`
  return { key: publicKey, spki, thumbprint, hash, jwk: { kty: 'EC', crv: 'P-256', x, y } }
}

/** Whether `signature` (64 bytes, r‖s) over `data` is this key's. Never throws. */
export function verifyP256(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  if (!inRange(signature)) return false
  try {
    return verify('sha256', data, key, derFromRaw(signature))
  } catch {
    return false
  }
}

/** r‖s, 64 bytes, from DER or r‖s in hex or base64url; undefined for anything else and for numbers out of range. */
export function signatureOf(text: string): Buffer | undefined {
  if (text.length > 200) return undefined
  const bytes = HEX.test(text) ? Buffer.from(text, 'hex') : fromBase64url(text)
  if (bytes === undefined) return undefined
  const raw = rawFromDer(bytes) ?? bytes
  return inRange(raw) ? raw : undefined
}

/** What a JWK says of its own use (RFC 7517 §4.2–4.4) must not speak against it. */
function isForSignatures({ use, alg, key_ops: operations }: Readonly<Record<string, unknown>>): boolean {
  if ((use !== undefined && use !== 'sig') || (alg !== undefined && alg !== 'ES256')) return false
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
}

function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && value.length === 43 && fromBase64url(value) !== undefined
}

function inRange(raw: Uint8Array): boolean {
  if (raw.length !== RAW_BYTES) return false
  const [r, s] = [raw.subarray(0, 32), raw.subarray(32)]
  return [r, s].every((number) => number.some((byte) => byte !== 0) && Buffer.compare(number, ORDER) < 0)
}
