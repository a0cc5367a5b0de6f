/** The promise of signing keys, data only. Times are milliseconds since 1970. */
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'

/** For how long anybody may keep the key set. A key is listed for longer than that before it signs. */
export const JWKS_MAX_AGE_SECONDS = 60

export const SigningKeyStatus = z.enum(['next', 'active', 'retiring', 'revoked'])
export type SigningKeyStatus = z.output<typeof SigningKeyStatus>

/**
 * No token lives longer, whoever asks for it: a key that signed is believed for this long afterwards. The ClawAuth door's
 * contract says 3,600 s.
 */
export const LONGEST_TOKEN_LIFE_MS = 3_600_000

const Time = z.int().nonnegative()

export const SigningKeyView = z.object({
  /** RFC 7638 thumbprint. */
  kid: z.string(),
  status: SigningKeyStatus,
  /** Where its private half is, or was. */
  place: z.enum(['vault', 'hsm']),
  createdAt: Time,
  activeAt: Time.optional(),
  /** When the next key is due to take its place. */
  rotatesAt: Time.optional(),
  retiredAt: Time.optional(),
  /** Until when tokens that it signed are believed. */
  endsAt: Time.optional(),
  revokedAt: Time.optional(),
  reason: z.string().optional(),
})
export type SigningKeyView = z.output<typeof SigningKeyView>

/** One key of the set (RFC 7517). */
export const PublicJwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  kid: z.string(),
  alg: z.literal('ES256'),
  use: z.literal('sig'),
})
export type PublicJwk = z.output<typeof PublicJwk>

export const Jwks = z.object({ keys: z.array(PublicJwk) })

export const RotateSigningKey = z.strictObject({
  /** Every key is revoked at once and everything they signed is refused: for keys that others may hold. */
  emergency: z.boolean().default(false),
})

export const signingProblems = {
  signing_key_unknown: {
    status: 404,
    title: 'There is no such signing key',
    hint: 'List them: claviger signing-key list',
  },
  signing_key_missing: {
    status: 503,
    title: 'No signing key can be used now',
    hint: 'Try again; if it stays, an operator must look at the vault, the HSM and `claviger signing-key list`',
  },
  signing_key_too_new: {
    status: 409,
    title: 'The next signing key is not listed for long enough',
    hint: 'Try again when those who verify can know it; an emergency rotation does not wait',
  },
} as const

export const signingProblem = problemsOf(signingProblems)
