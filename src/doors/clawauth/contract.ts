/** The shapes of the ClawAuth dialect (clawauth.md §2, §3). Members that it does not know are passed over. */
import { z } from 'zod'
import { Email, LABEL_PATTERN } from '../../identity/contract.ts'
import { Attestation } from '../../identity/keys/contract.ts'

const Text = z.string().min(1).max(128)
const Iso = z.iso.datetime({ offset: true })
/** DER or r‖s, hex or base64url. */
const Signature = z.string().min(1).max(200)

export const AgentParam = z.object({ id: Text })
export const AgentRoleParams = z.object({ id: Text, roleId: Text })
export const AgentKeyParams = z.object({ id: Text, keyId: Text })
export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(32).regex(/^\d+$/).optional(),
})

export const RegisterBody = z.object({
  email: Email,
  name: z.string().regex(LABEL_PATTERN, { error: '1 to 100 printable characters' }),
  publicKey: z.string().min(1).max(1_024),
  proof: Signature.optional(),
  /** A one-time invite stands for the operator who gave it. */
  invite: Text.optional(),
  attestation: Attestation.optional(),
})
export const Registered = z.object({
  agentId: z.string(),
  publicKeyHash: z.string(),
  status: z.string(),
  keyId: z.string(),
})

export const ChallengeBody = z.object({ agentId: Text, audience: Text.optional(), keyId: Text.optional() })
export const ChallengeReply = z.object({
  challengeId: z.string(),
  nonce: z.string(),
  expiresAt: z.string(),
  signingInput: z.string(),
  version: z.literal(2),
})

export const AuthenticateBody = z.object({
  challengeId: Text,
  signature: Signature,
  version: z.union([z.literal(1), z.literal(2)]).optional(),
})
export const RefreshBody = z.object({ refreshToken: z.string().min(1).max(256) })
export const TokenReply = z.object({ accessToken: z.string(), refreshToken: z.string(), expiresIn: z.int() })

export const RevokeBody = z.object({
  token: z.string().min(1).max(32_768).optional(),
  refreshToken: z.string().min(1).max(256).optional(),
  jti: Text.optional(),
})
export const KeyBody = z.object({ publicKey: z.string().min(1).max(1_024), proof: Signature })

export const VerifyBody = z.object({
  token: z.string().max(32_768),
  /** For a key-bound token: what the agent sent with it. */
  dpop: z.object({ proof: z.string().max(8_192), method: z.string().max(16), url: z.url().max(4_096) }).optional(),
})
export const AgentReply = z.object({
  id: z.string(),
  name: z.string(),
  /** Empty for services of other owners. */
  email: z.string(),
  trustScore: z.number(),
  status: z.string(),
  lastSeenAt: z.string().nullable(),
  roles: z.array(z.string()),
  permissions: z.array(z.string()),
})
export const VerifyReply = z.object({
  valid: z.boolean(),
  agent: AgentReply.extend({ scopes: z.array(z.string()) }).optional(),
  error: z.string().optional(),
})

export const AssignBody = z.object({ roleId: Text, expiresAt: Iso.nullish() })
export const AssignReply = z.object({
  agentId: z.string(),
  roleId: z.string(),
  serviceId: z.string(),
  expiresAt: z.string().nullable(),
})
export const TrustBody = z.object({ score: z.number().min(0).max(10), reason: z.string().min(1).max(500) })
export const TrustReported = z.object({ id: z.string(), counted: z.boolean(), trustScore: z.number() })
export const TrustReply = z.object({
  agentId: z.string(),
  trustScore: z.number(),
  band: z.string(),
  samples: z.int(),
  confidence: z.number(),
  updatedAt: z.string(),
})

export const WebhookBody = z.object({ url: z.string().min(1).max(2_048), events: z.array(Text).min(1).max(32) })
export const WebhookReply = z.object({ id: z.string(), url: z.string(), events: z.array(z.string()) })
export const WebhookMade = WebhookReply.extend({ secret: z.string() })

export const listReply = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })
export const Ok = z.object({ ok: z.literal(true) })
