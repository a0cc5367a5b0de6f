/** The promise about agents' keys, data only. Times are milliseconds since 1970. */
import { z } from 'zod'
import { p256Problems } from '../../crypto/p256.ts'
import type { AgentId, KeyId } from '../../ground/ids.ts'
import { problemsOf } from '../../ground/problem.ts'
import { AgentName, AgentStatus } from '../contract.ts'

/** `retiring` keys still sign in until their overlap ends; `revoked` is for good. */
export const KeyStatus = z.enum(['active', 'retiring', 'revoked'])
export type KeyStatus = z.output<typeof KeyStatus>

/** Live keys of one agent at most: a sign-in that names no key tries them all. */
export const MOST_LIVE_KEYS = 8
/** In a day: what is revoked is remembered for good, and an agent that goes on and on would fill the memory with it. */
export const MOST_NEW_KEYS = 64
export const MAX_ATTESTATION_CHARS = 16_384

const Time = z.int().nonnegative()
/** SubjectPublicKeyInfo in PEM. */
export const PublicKeyPem = z.string().min(1).max(1_024)
export const CompactProof = z.string().min(1).max(8_192)
/** What hardware says of a key, kept and shown as it was given, believed by nobody. */
export const Attestation = z
  .record(z.string().max(128), z.json())
  .refine((value) => JSON.stringify(value).length <= MAX_ATTESTATION_CHARS, { error: 'at most 16 KiB as JSON' })

export const RegisterAgent = z.strictObject({
  name: AgentName,
  publicKey: PublicKeyPem,
  /** JWS, typ `clv-register+jwt`, signed by that key: proof of possession. */
  proof: CompactProof,
  invite: z.string().max(128).optional(),
  attestation: Attestation.optional(),
})

export const RegisteredAgent = z.object({
  agentId: z.string(),
  keyId: z.string(),
  thumbprint: z.string(),
  publicKeyHash: z.string(),
  status: AgentStatus,
})

export const AddKey = z.strictObject({
  publicKey: PublicKeyPem,
  proof: CompactProof,
  attestation: Attestation.optional(),
  /** How long the other keys still sign in, seconds; without it they stay as they are. */
  retireOthersAfterSeconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .optional(),
})

export type AddedKey = z.output<typeof AddKey>

export const KeyView = z.object({
  id: z.string(),
  agent: z.string(),
  status: KeyStatus,
  thumbprint: z.string(),
  publicKeyHash: z.string(),
  createdAt: Time,
  /** When a retiring key stops to sign in. */
  retiresAt: Time.optional(),
  revokedAt: Time.optional(),
  /** Whether it once signed in with a bound form, and is refused the bare nonce since. */
  bound: z.boolean(),
  attestation: z.record(z.string(), z.json()).optional(),
  /** When it is too old to sign in, where the installation wants keys to be replaced. */
  refusedAt: Time.optional(),
})
export type KeyView = z.output<typeof KeyView>

/** An invite that may still be used; nothing of its text. */
export const InviteView = z.object({
  id: z.string(),
  /** The agent that it is a new key for; without one it is for a new agent. */
  agent: z.string().optional(),
  agentName: z.string().optional(),
  /** What a new agent by it is called; without it the agent chooses. */
  name: z.string().optional(),
  operator: z.string(),
  createdAt: Time,
  expiresAt: Time,
})
export type InviteView = z.output<typeof InviteView>

/** The read-model's entry of a key, kept up to date in place. */
export interface KeyEntry {
  readonly id: KeyId
  readonly agent: AgentId
  readonly thumbprint: string
  readonly createdAt: number
  readonly status: KeyStatus
  readonly retiresAt: number | undefined
  readonly bound: boolean
}

export const keyProblems = {
  ...p256Problems,
  proof_invalid: {
    status: 401,
    title: 'The proof of possession does not hold',
    hint: 'Sign {aud, iat, exp, jti, thumbprint} as a JWS with typ clv-register+jwt, alg ES256, by the key that is registered',
  },
  registration_closed: {
    status: 403,
    title: 'Agents are registered by an operator or with an invite',
    hint: 'Ask the operator for an invite: claviger agent invite',
  },
  invite_invalid: {
    status: 410,
    title: 'The invite is used, expired or not ours',
    hint: 'Ask the operator for a new one',
  },
  invite_names_other: {
    status: 403,
    title: 'The invite is for an agent of another name',
    hint: 'Register under the name that the operator said, or ask for another invite',
  },
  agent_name_reserved: {
    status: 403,
    title: 'The name is kept for an agent that an operator named beforehand',
    hint: 'Take another name, or ask the operator for an invite that says this one: claviger agent invite --name NAME',
  },
  invite_unknown: {
    status: 404,
    title: 'There is no such open invite',
    hint: 'List them: claviger agent invite list',
  },
  key_unknown: { status: 404, title: 'There is no such key', hint: 'List them: claviger agent key list AGENT' },
  key_taken: { status: 409, title: 'This key is registered already', hint: 'Make a new pair: claviger agent keygen' },
  key_last: {
    status: 409,
    title: 'The last key of an agent cannot be taken away',
    hint: 'Add another first, or lock the agent',
  },
  key_too_many: { status: 409, title: 'The agent has too many keys', hint: 'Revoke one that is not used' },
  key_sign_in_wanted: {
    status: 403,
    title: 'Keys are changed by whoever signed in with one, and by operators',
    hint: 'Sign in with a key of the agent, without a scope, and use that access token: claviger login',
  },
  key_overdue: {
    status: 403,
    title: 'The key is older than keys may be here',
    hint: 'Rotate it: claviger agent key rotate',
  },
} as const

export const keyProblem = problemsOf(keyProblems)
