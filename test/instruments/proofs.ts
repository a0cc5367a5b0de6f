// Keys of agents, and what is signed with them.
import { generateKeyPairSync, hash, type KeyObject, randomUUID } from 'node:crypto'
import { keySigner, signJwt } from '../../src/crypto/es256-signer.ts'
import { fromKey } from '../../src/crypto/p256.ts'
import { compact } from '../../src/identity/oauth/jwt-forgeries.support.ts'

export type Keys = ReturnType<typeof newKeys>
type Members = Readonly<Record<string, unknown>>

export const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string
export const headerOf = (token: string) => partOf(token, 0)
export const claimsOf = (token: string) => partOf(token, 1)

/** What every proof to a gateway says: whom it is for, when, and that it is this one. */
export function proofClaims(issuer: string) {
  const iat = Math.floor(Date.now() / 1_000)
  return { aud: issuer, iat, exp: iat + 60, jti: randomUUID() }
}

/** A public key and the proof that it is held, for a registration or for a further key. */
export async function heldKey(issuer: string, { publicKey, privateKey }: Keys, more: Members = {}) {
  const { thumbprint } = fromKey(publicKey)
  const claims = { ...proofClaims(issuer), thumbprint, ...more }
  const proof = await signJwt(keySigner(thumbprint, privateKey), 'clv-register+jwt', claims)
  return { publicKey: pemOf(publicKey), proof }
}

/** The value of a header `DPoP` (RFC 9449), for a call with this token if there is one. */
export function dpopProof(key: KeyObject, htm: string, htu: string, token?: string, more: Members = {}): string {
  const ath = token === undefined ? {} : { ath: hash('sha256', token, 'base64url') }
  const claims = { jti: randomUUID(), iat: Math.floor(Date.now() / 1_000), htm, htu, ...ath, ...more }
  return compact({ alg: 'ES256', typ: 'dpop+jwt', jwk: fromKey(key).jwk }, claims, key)
}

function partOf(token: string, at: 0 | 1) {
  return JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString())
}
