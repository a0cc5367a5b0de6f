// The files of an installation of Clauth as they are written there (clauth.md §7). What else stands in them is not looked at.
import { z } from 'zod'
import { fromBase64url } from '../../crypto/base64url.ts'
import { Secret } from '../../ground/secret.ts'

const bytes = (length?: number) =>
  z.string().transform((text, refine) => {
    const read = fromBase64url(text)
    if (read !== undefined && (length === undefined || read.length === length)) return read
    refine.addIssue({ code: 'custom', message: `base64url${length === undefined ? '' : ` of ${length} bytes`} wanted` })
    return z.NEVER
  })
const secret = z
  .string()
  .min(1)
  .transform((text) => Secret.fromText(text))
const Text = z.string().min(1).max(4_096)

/** ISO 8601 or a number; numbers too small for milliseconds are seconds. */
const Time = z.union([z.number(), z.string()]).transform((value, refine) => {
  const time = typeof value === 'number' ? (value < 100_000_000_000 ? value * 1_000 : value) : Date.parse(value)
  if (Number.isFinite(time) && time >= 0 && time < 8.64e15) return Math.floor(time)
  refine.addIssue({ code: 'custom', message: 'a time is wanted' })
  return z.NEVER
})

const KdfParams = z.object({
  /** KiB. More than this machine should be made to take is refused, like work without an end. */
  memory: z.int().min(8).max(2_097_152),
  parallelism: z.int().min(0).max(16),
  iterations: z.int().min(1).max(64),
  tagLength: z.int().min(32).max(128),
})
export const Kdf = z.object({
  algorithm: z.enum(['scrypt', 'argon2id']),
  params: KdfParams,
  salt: bytes().optional(),
})
export type Kdf = z.output<typeof Kdf>

const Envelope = z.object({
  version: z.literal(1),
  cipher: z.literal('aes-256-gcm'),
  iv: bytes(12),
  tag: bytes(16),
  ciphertext: bytes(),
})
export type Envelope = z.output<typeof Envelope>

export const VaultFile = Envelope.extend({ kdf: Kdf })

export const ClauthCredential = z.object({
  handle: Text.optional(),
  provider: Text,
  secret,
  expiresAt: Time.nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
})
export type ClauthCredential = z.output<typeof ClauthCredential>
export const Vault = z.object({ credentials: z.record(z.string(), ClauthCredential) })

export const ClauthTokenSet = z.object({
  accessToken: secret,
  refreshToken: secret.nullish(),
  expiresAt: Time.nullish(),
  tokenUrl: z.string().max(2_048),
  clientId: Text.nullish(),
  clientSecret: secret.nullish(),
  scopes: z.union([z.string(), z.array(z.string())]).nullish(),
})
export type ClauthTokenSet = z.output<typeof ClauthTokenSet>
export const TokenSets = z.object({ tokens: z.record(z.string(), ClauthTokenSet) })
/** Sealed with the vault's key, or in the clear. */
export const TokenSetFile = z.union([TokenSets, Envelope])

export const ScopesFile = z.object({
  grants: z.array(
    z.object({
      skillId: Text,
      provider: Text,
      scope: Text,
      rateLimitPerMinute: z.number().nullish(),
      active: z.boolean(),
    }),
  ),
})
export type KeptGrant = z.output<typeof ScopesFile>['grants'][number]

export const SkillAuthFile = z.object({
  tokens: z.array(z.object({ skillId: Text, tokenHash: z.string().regex(/^[0-9a-f]{64}$/i), active: z.boolean() })),
})
export type KeptSkillToken = z.output<typeof SkillAuthFile>['tokens'][number]

export const RevocationsFile = z.object({ revoked: z.array(z.object({ jti: Text, expiresAt: z.number() })) })

const Channel = z.object({ type: z.string(), url: z.string().max(2_048), minSeverity: z.string().optional() })

export const ConfigFile = z.object({
  transport: z.enum(['tcp', 'unix']).optional(),
  host: z.string().max(253).optional(),
  port: z.int().min(0).max(65_535).optional(),
  socketPath: z.string().max(1_024).optional(),
  skillTokenSalt: z.string().min(1).max(256).optional(),
  vaultSalt: bytes().optional(),
  firewall: z.record(z.string(), z.unknown()).optional(),
  alertChannels: z.array(Channel).optional(),
  advisoryFeeds: z.array(z.unknown()).optional(),
  advisoryPollIntervalMs: z.number().optional(),
  hardening: z.record(z.string(), z.unknown()).optional(),
})
export type ClauthConfig = z.output<typeof ConfigFile>
