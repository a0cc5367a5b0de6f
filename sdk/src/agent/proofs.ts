// The proofs that an agent signs: that it holds a key it registers, and that it is who it says.
import { randomId } from '../bytes.ts'
import { signJws } from '../jws.ts'
import { readPublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'

const LIFE_SECONDS = 60

/** Proof of possession of `signer`'s key, for registration. `nowSeconds` is the gateway's time. */
export async function registrationProof(
  signer: Signer,
  to: { readonly issuer: string; readonly nowSeconds: number; readonly agentId?: string },
): Promise<{ publicKey: string; proof: string }> {
  const { pem, jwk, thumbprint } = await readPublicKey(signer.publicKey)
  const payload = {
    ...(to.agentId !== undefined && { sub: to.agentId }),
    aud: to.issuer,
    iat: to.nowSeconds,
    exp: to.nowSeconds + LIFE_SECONDS,
    jti: randomId(),
    thumbprint,
  }
  return { publicKey: pem, proof: await signJws(signer, { typ: 'clv-register+jwt', jwk }, payload) }
}

/** The answer to a challenge: binds issuer, agent and nonce, and ends within a minute. */
export async function authenticationProof(
  signer: Signer,
  to: { readonly issuer: string; readonly nowSeconds: number; readonly agentId: string; readonly nonce: string },
): Promise<string> {
  const { thumbprint } = await readPublicKey(signer.publicKey)
  const payload = {
    aud: to.issuer,
    iss: to.agentId,
    sub: to.agentId,
    nonce: to.nonce,
    jti: randomId(),
    iat: to.nowSeconds,
    exp: to.nowSeconds + LIFE_SECONDS,
  }
  return signJws(signer, { typ: 'clv-auth+jwt', kid: thumbprint }, payload)
}

/** The same for the token endpoint: a `private_key_jwt` client assertion (RFC 7523 §3). */
export async function clientAssertion(
  signer: Signer,
  to: { readonly issuer: string; readonly nowSeconds: number; readonly agentId: string },
): Promise<string> {
  const { thumbprint } = await readPublicKey(signer.publicKey)
  const payload = {
    iss: to.agentId,
    sub: to.agentId,
    aud: to.issuer,
    jti: randomId(),
    iat: to.nowSeconds,
    exp: to.nowSeconds + LIFE_SECONDS,
  }
  return signJws(signer, { typ: 'JWT', kid: thumbprint }, payload)
}
