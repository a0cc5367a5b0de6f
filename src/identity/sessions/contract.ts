/** The promise about sign-ins, data only. Times are milliseconds since 1970 where they are not called seconds. */
import { z } from 'zod'
import type { AgentId, KeyId, SessionId } from '../../ground/ids.ts'
import { problemsOf } from '../../ground/problem.ts'

/** `at+jwt` (RFC 9068) everywhere but at the ClawAuth door, whose contract says `JWT`. */
export type AccessTyp = 'at+jwt' | 'JWT'

export const CHALLENGE_LIFE_MS = 5 * 60_000
export const ACCESS_LIFE_MS = 5 * 60_000
export const REFRESH_LIFE_MS = 30 * 86_400_000

/** One sign-in of one agent, kept up to date in place. Ending it ends every token that was made of it. */
export interface SessionEntry {
  readonly id: SessionId
  readonly agent: AgentId
  readonly key: KeyId | undefined
  readonly audience: string
  readonly scope: string | undefined
  /** RFC 7638 thumbprint of the key that must prove each use (RFC 9449). */
  readonly jkt: string | undefined
  readonly parent: SessionId | undefined
  readonly createdAt: number
  readonly expiresAt: number
  /** Revoked, or its parent is, or its key, or everything was. */
  readonly live: boolean
}

export const AskChallenge = z.strictObject({
  agentId: z.string().min(1).max(128),
  audience: z.string().min(1).max(256).optional(),
})
export const Challenge = z.object({
  challengeId: z.string(),
  nonce: z.string(),
  issuer: z.string(),
  audience: z.string(),
  expiresAt: z.string(),
})
export const Prove = z.strictObject({
  challengeId: z.string().min(1).max(64),
  /** JWS, typ `clv-auth+jwt`. */
  proof: z.string().min(1).max(8_192),
  /** Printable ASCII (RFC 6749 §3.3). */
  scope: z
    .string()
    .max(2_048)
    .regex(/^[\x20-\x7e]*$/)
    .optional(),
})
export const Tokens = z.object({
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  tokenType: z.enum(['Bearer', 'DPoP']),
  expiresIn: z.int(),
  agentId: z.string(),
  /** The key is soon too old to sign in: from then on. Rotate it before. */
  keyRefusedAt: z.int().optional(),
})
export const Refresh = z.strictObject({ refreshToken: z.string().min(1).max(256) })
export const RevokeOwn = z.strictObject({ token: z.string().min(1).max(32_768) })
export const Revoked = z.object({ revoked: z.boolean() })
export const Self = z.object({
  agentId: z.string(),
  name: z.string(),
  status: z.string(),
  keyId: z.string().optional(),
  sessionId: z.string().optional(),
  expiresAt: z.int(),
  scope: z.string().optional(),
})

/** Why a token is not good. */
export const VerifyError = z.enum([
  'malformed',
  'bad_signature',
  'expired',
  'revoked',
  'wrong_audience',
  'agent_inactive',
])
export type VerifyError = z.output<typeof VerifyError>

export const sessionProblems = {
  proof_refused: {
    status: 401,
    title: 'The proof does not hold',
    hint: 'Ask for a new challenge and sign {aud, iss, sub, nonce, jti, iat, exp} as a JWS with typ clv-auth+jwt',
  },
  challenge_expired: {
    status: 410,
    title: 'The challenge is too old',
    hint: 'Ask for a new one; it lives five minutes',
  },
  agent_stopped: {
    status: 403,
    title: 'Everything was revoked since an operator last had to do with this agent',
    hint: 'An operator says that it may go on: claviger agent unlock NAME',
  },
  agent_not_active: { status: 403, title: 'The agent may not sign in', hint: 'Ask the operator about its status' },
  refresh_invalid: { status: 401, title: 'The refresh token is not valid', hint: 'Sign in again' },
  refresh_reused: {
    status: 401,
    title: 'The refresh token was used before: everything made of its sign-in is revoked',
    hint: 'Sign in again, and look for whoever has a copy of the token',
  },
  bare_nonce_refused: {
    status: 401,
    title: 'A bare nonce is not accepted here',
    hint: 'Sign the bound form: `signingInput` of the challenge',
  },
  audience_unknown: {
    status: 422,
    title: 'No service of that id takes tokens here',
    hint: 'Leave audience out for the gateway itself, or name a service: claviger relying list',
  },
  scope_refused: { status: 400, title: 'The scope is wider than what it comes from' },
} as const

export const sessionProblem = problemsOf(sessionProblems)
