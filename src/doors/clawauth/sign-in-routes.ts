// The agent's side: registration, challenge, proof, refresh, and the end of all that.

import { z } from 'zod'
import { type P256PublicKey, readPublicKey, signatureOf, verifyP256 } from '../../crypto/p256.ts'
import { Answer, type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { httpProblem } from '../../http/problems.ts'
import { MAX_TOKEN_LIFE_MS } from '../../identity/contract.ts'
import { keyProblem } from '../../identity/keys/contract.ts'
import { isNameKept } from '../../identity/keys/register.ts'
import { type Came, fromOf } from '../../identity/sessions/came.ts'
import { sessionProblem } from '../../identity/sessions/contract.ts'
import type { SignedIn } from '../../identity/sessions/sign-in.ts'
import type { ChallengeRow } from '../../identity/sessions/store.ts'
import { agentName } from './agent-name.ts'
import {
  AuthenticateBody,
  ChallengeBody,
  ChallengeReply,
  RefreshBody,
  RegisterBody,
  Registered,
  RevokeBody,
  TokenReply,
} from './contract.ts'
import { type DoorNeeds, wanted } from './needs.ts'
import { revokeByJti } from './revoke.ts'
import { wording } from './wording.ts'

/** clawauth.md §4.1. */
const ACCESS_LIFE_MS = Math.min(3_600_000, MAX_TOKEN_LIFE_MS)
/** With an attestation; a token with as many roles as there may be. */
const REGISTRATION_BYTES = 32 * 1_024
const TOKEN_BYTES = 48 * 1_024
const from = (came: Came) => fromOf('clawauth', came)
const auth = { method: 'POST', caller: 'anyone', wording } as const

export const register = endpoint({
  ...auth,
  path: '/auth/register',
  summary: 'ClawAuth: register an agent by its public key',
  body: RegisterBody,
  maxBody: REGISTRATION_BYTES,
  reply: Registered,
  status: 201,
})
export const challenge = endpoint({
  ...auth,
  path: '/auth/challenge',
  summary: 'ClawAuth: ask for a challenge',
  body: ChallengeBody,
  reply: ChallengeReply,
})
export const authenticate = endpoint({
  ...auth,
  path: '/auth/authenticate',
  summary: 'ClawAuth: answer a challenge with a signature',
  body: AuthenticateBody,
  reply: TokenReply,
})
export const refresh = endpoint({
  ...auth,
  path: '/auth/refresh',
  summary: 'ClawAuth: use up a refresh token for new tokens',
  body: RefreshBody,
  reply: TokenReply,
})
export const revoke = endpoint({
  ...auth,
  path: '/auth/revoke',
  summary: 'ClawAuth: end the sign-in that a token, a refresh token or a jti belongs to',
  body: RevokeBody,
  maxBody: TOKEN_BYTES,
  reply: z.object({ revoked: z.boolean() }),
})

/** What the bound form signs (clawauth.md §4): a missing audience is a dash. */
export function signingInput(issuer: string, agentId: string, { id, audience, nonce }: ChallengeRow): string {
  return ['clawauth-v2', issuer, agentId, id, audience ?? '-', nonce].join('\n')
}

/** The proof of possession of a registration, and of a key that is added. */
export function provesKey(key: P256PublicKey, proof: string): boolean {
  const signature = signatureOf(proof)
  return signature !== undefined && verifyP256(key.key, Buffer.from(`clawauth-register:${key.hash}`), signature)
}

export function signInRoutes<Who>(needs: DoorNeeds): BoundEndpoint<Who>[] {
  const { identity, signIn } = needs
  return [
    bind(register, async ({ body, ...came }) => registered(needs, body, came)),
    bind(challenge, async ({ body, ...came }) => {
      const asked = { agent: body.agentId, audience: body.audience, key: body.keyId }
      const row = await signIn.challenge(asked, from(came))
      return {
        challengeId: row.id,
        nonce: row.nonce,
        expiresAt: new Date(row.expires_at).toISOString(),
        signingInput: signingInput(identity.room.issuer(), row.agent ?? body.agentId, row),
        version: 2 as const,
      }
    }),
    bind(authenticate, async ({ body, ...came }) => authenticated(needs, body, came)),
    bind(refresh, async ({ body, ...came }) => {
      const jkt = needs.jktOf(refresh, came)
      return shown(await signIn.refresh(body.refreshToken, jkt, from(came)))
    }),
    bind(revoke, async ({ body, rawHeaders }) => ({ revoked: await revoked(needs, body, rawHeaders) })),
  ]
}

async function authenticated(needs: DoorNeeds, body: z.output<typeof AuthenticateBody>, came: Came) {
  const form = body.version === 2 ? 'bound' : 'nonce'
  if (form === 'nonce' && needs.requireV2) throw sessionProblem('bare_nonce_refused')
  const bytesOf = form === 'bound' ? boundBytes(needs.identity.room.issuer()) : bareBytes
  const jkt = needs.jktOf(authenticate, came)
  const tokens = { typ: 'JWT', lifeMs: ACCESS_LIFE_MS, jkt, audience: needs.relying.defaultService?.id } as const
  const signed = { bytesOf, form } as const
  const signature = signatureOf(body.signature)
  return shown(await needs.signIn.bySignature(body.challengeId, signature, signed, tokens, from(came)))
}

async function revoked(needs: DoorNeeds, body: z.output<typeof RevokeBody>, rawHeaders: readonly string[]) {
  const { token, refreshToken, jti } = body
  if ([token, refreshToken, jti].filter((given) => given !== undefined).length !== 1) {
    throw httpProblem('request_invalid', { detail: 'one of token, refreshToken and jti' })
  }
  const { room, sessions } = needs.identity
  if (jti === undefined) return sessions.revokeShown((token ?? refreshToken) as string)
  return revokeByJti(room, jti, wanted(needs.callerOf(rawHeaders), 'service'))
}

async function registered(needs: DoorNeeds, body: z.output<typeof RegisterBody>, came: Came) {
  const { identity, signIn } = needs
  const key = readPublicKey(body.publicKey)
  const proven = body.proof !== undefined && provesKey(key, body.proof)
  if (body.proof !== undefined && !proven) throw keyProblem('proof_invalid')
  const caller = needs.callerOf(came.rawHeaders)
  const human = caller === undefined ? undefined : wanted(caller, 'operator')
  const behind = human
    ? { operator: { kind: 'operator' as const, id: human.id, key: human.token.id } }
    : body.invite === undefined
      ? ('nobody' as const)
      : { invite: body.invite }
  const isTaken = (one: string) =>
    identity.findAgent(one) !== undefined || (human === undefined && isNameKept(identity.room, one))
  const said = body.invite === undefined || human !== undefined ? undefined : identity.keys.nameOf(body.invite)
  const name = said ?? agentName(body.name, key.thumbprint, isTaken)
  const asked = { name, label: body.name, email: body.email, key, attestation: body.attestation, proven, behind }
  const { agent, key: added } = await signIn.register(asked, from(came))
  return { agentId: agent.id, publicKeyHash: key.hash, status: agent.status, keyId: added.id }
}

const boundBytes = (issuer: string) => (row: ChallengeRow) => [Buffer.from(signingInput(issuer, row.agent ?? '-', row))]
/** The text of the nonce, or the 32 bytes that it spells. */
const bareBytes = ({ nonce }: ChallengeRow) => [Buffer.from(nonce, 'utf8'), Buffer.from(nonce, 'hex')]

function shown({ accessToken, refreshToken, expiresInSeconds }: SignedIn) {
  return new Answer({ accessToken, refreshToken: refreshToken as string, expiresIn: expiresInSeconds }, {})
}
