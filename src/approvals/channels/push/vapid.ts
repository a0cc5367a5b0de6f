// How we say to a push service who we are (RFC 8292): a key that every subscription is bound to.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { keySigner, signJwt } from '../../../crypto/es256-signer.ts'
import { fromKey } from '../../../crypto/p256.ts'
import { Secret } from '../../../ground/secret.ts'

const LIFE_SECONDS = 3_600
const POINT_BYTES = 65

/** A new one: the private half as PKCS#8, the public half as browsers take it. */
export function newVapidKey(): { readonly secret: Secret; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = new Secret(privateKey.export({ format: 'der', type: 'pkcs8' }))
  return { secret, publicKey: pointOf(fromKey(publicKey).spki) }
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
