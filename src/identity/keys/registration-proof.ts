import { readJws } from '../../crypto/jws.ts'
import { type P256PublicKey, readPublicKey, verifyP256 } from '../../crypto/p256.ts'
import { keyProblem } from './contract.ts'
import { isFresh } from './fresh.ts'

export const REGISTRATION_TYP = 'clv-register+jwt'

/**
 * The key of a PEM, once the proof shows that its private half signed for this gateway, just now. Throws Problems
 * `public_key_invalid`, `proof_invalid`.
 */
export function provenKey(publicKey: string, proof: string, issuer: string, nowMs: number): P256PublicKey {
  const key = readPublicKey(publicKey)
  const read = readJws(proof, { typ: [REGISTRATION_TYP], allowJwk: true })
  const good = read !== undefined && verifyP256(key.key, read.signingInput, read.signature)
  if (!good || !claimsHold(read.payload, key.thumbprint, issuer, nowMs)) throw keyProblem('proof_invalid')
  return key
}

function claimsHold(claims: Readonly<Record<string, unknown>>, thumbprint: string, issuer: string, nowMs: number) {
  const { aud, jti, thumbprint: named } = claims
  if (aud !== issuer || named !== thumbprint || typeof jti !== 'string' || jti.length > 128) return false
  return isFresh(claims, nowMs)
}
