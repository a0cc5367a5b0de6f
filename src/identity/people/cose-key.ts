// Public keys as authenticators give them (COSE_Key, RFC 9052 §7), to Node's. Strict: a coordinate has its curve's length.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** Labels: 1 kty, 3 alg, then by kty. */
export type CoseKey = ReadonlyMap<number, unknown>

export interface VerifyingKey {
  readonly key: KeyObject
  /** The hash that goes with it; null where the algorithm has its own. */
  readonly hash: string | null
}

/** Labels of the members that Node's JWK has, and the bytes that each has; 0 for any. */
interface Form {
  readonly kty: number
  readonly jwk: JsonWebKey
  readonly curve?: number
  readonly members: Readonly<Record<string, readonly [label: number, bytes: number]>>
  readonly hash: string | null
}

const ec = (crv: string, curve: number, bytes: number, hash: string): Form => {
  return { kty: 2, jwk: { kty: 'EC', crv }, curve, members: { x: [-2, bytes], y: [-3, bytes] }, hash }
}
const okp = (crv: string, curve: number, bytes: number): Form => {
  return { kty: 1, jwk: { kty: 'OKP', crv }, curve, members: { x: [-2, bytes] }, hash: null }
}

/** By COSE algorithm. */
const FORMS: ReadonlyMap<unknown, readonly Form[]> = new Map([
  [-7, [ec('P-256', 1, 32, 'sha256')]],
  [-35, [ec('P-384', 2, 48, 'sha384')]],
  [-36, [ec('P-521', 3, 66, 'sha512')]],
  [-8, [okp('Ed25519', 6, 32)]],
  [-53, [okp('Ed448', 7, 57)]],
  [-257, [{ kty: 3, jwk: { kty: 'RSA' }, members: { n: [-1, 0], e: [-2, 0] }, hash: 'sha256' }]],
])
/** Whoever has more wants our time; whoever has less is broken by now. */
const RSA_BYTES = { least: 256, most: 512 }

/** COSE: ES256, EdDSA, RS256, ES384, ES512, Ed448. Not ML-DSA, which few have and whose answers are ten times as large. */
export const ALGORITHMS: readonly number[] = [-7, -8, -257, -35, -36, -53]

/** Undefined for a key of another algorithm, another curve, or that is none. */
export function verifyingKey(cose: CoseKey): VerifyingKey | undefined {
  const form = FORMS.get(cose.get(3))?.find(
    ({ kty, curve }) => cose.get(1) === kty && (curve ?? cose.get(-1)) === cose.get(-1),
  )
  if (form === undefined) return undefined
  const jwk: JsonWebKey = { ...form.jwk }
  for (const [name, [label, bytes]] of Object.entries(form.members)) {
    const value = cose.get(label)
    if (!(value instanceof Uint8Array) || (bytes !== 0 && value.length !== bytes)) return undefined
    if (name === 'n' && (value.length < RSA_BYTES.least || value.length > RSA_BYTES.most)) return undefined
    jwk[name] = Buffer.from(value).toString('base64url')
  }
  try {
    return { key: createPublicKey({ key: jwk, format: 'jwk' }), hash: form.hash }
  } catch {
    return undefined
  }
}
