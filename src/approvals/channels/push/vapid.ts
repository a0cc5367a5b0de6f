// How we say to a push service who we are (RFC 8292): a key that every subscription is bound to.
import { createECDH, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { fromBase64url } from '../../../crypto/base64url.ts'
import { keySigner, signJwt } from '../../../crypto/es256-signer.ts'
import { fromKey } from '../../../crypto/p256.ts'
import { Secret } from '../../../ground/secret.ts'
import { unpadded } from './contract.ts'

const LIFE_SECONDS = 3_600
const POINT_BYTES = 65
const SCALAR_BYTES = 32

/** The private half as PKCS#8, the public half as browsers take it. */
export interface VapidKey {
  readonly secret: Secret
  readonly publicKey: string
}

export function newVapidKey(): VapidKey {
  return keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

/** One that was made elsewhere, as libraries write it: 32 bytes in base64url. Undefined for what is none. */
export function vapidKeyOf(text: string): VapidKey | undefined {
  const scalar = fromBase64url(unpadded(text))
  if (scalar?.length !== SCALAR_BYTES) return undefined
  try {
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(scalar)
    const point = pair.getPublicKey()
    const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)]
    const key = { kty: 'EC', crv: 'P-256', d: scalar.toString('base64url'), x, y }
    return keyOf(createPrivateKey({ key, format: 'jwk' }))
  } catch {
    return undefined
  } finally {
    scalar.fill(0)
  }
}

function keyOf(privateKey: KeyObject): VapidKey {
  const secret = new Secret(privateKey.export({ format: 'der', type: 'pkcs8' }))
  return { secret, publicKey: pointOf(fromKey(createPublicKey(privateKey)).spki) }
}

/** The value of `Authorization` for one push service; good for an hour there, and nowhere else. `now`: ms since 1970. */
export async function vapidHeader(
  secret: Secret,
  about: { readonly publicKey: string; readonly origin: string; readonly contact: string | undefined },
  now: number,
): Promise<string> {
  const { publicKey, origin, contact } = about
  const key = createPrivateKey({ key: secret.reveal(), format: 'der', type: 'pkcs8' })
  secret.wipe()
  const claims = { aud: origin, exp: Math.floor(now / 1_000) + LIFE_SECONDS, ...(contact && { sub: contact }) }
  return `vapid t=${await signJwt(keySigner('vapid', key), 'JWT', claims)}, k=${publicKey}`
}

/** The uncompressed point is the end of a SubjectPublicKeyInfo. */
const pointOf = (spki: Buffer) => spki.subarray(spki.length - POINT_BYTES).toString('base64url')
