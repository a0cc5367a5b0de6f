/** The operators' endpoints beside the door: what Clauth's own command line does with files of its own. Data only. */
import { z } from 'zod'
import { grantProblems, MAX_RPM } from '../../grants/contract.ts'
import { endpoint } from '../../http/endpoint.ts'
import { listOf } from '../../http/shapes.ts'
import { identityProblems } from '../../identity/contract.ts'

const Skill = z.string().trim().min(1).max(200)
const Named = z.string().trim().min(1).max(128)
const Iso = z.string()

export const ClauthGrant = z.object({
  /** The native grant's. */
  id: z.string(),
  skillId: z.string(),
  provider: z.string(),
  scope: z.string(),
  rateLimitPerMinute: z.int().optional(),
  active: z.boolean(),
  createdAt: Iso,
  updatedAt: Iso,
  /** Those that it names; without any it gives the provider's others. */
  handles: z.array(z.string()),
})
export type ClauthGrant = z.output<typeof ClauthGrant>

const problems = { ...grantProblems, ...identityProblems }

export const giveClauthGrant = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/grants',
  caller: 'operator',
  summary: 'Grant a skill a scope of a provider, in the words of Clauth; the same again replaces it',
  body: z.strictObject({
    skillId: Skill,
    provider: Named,
    scope: z.string().max(256),
    rateLimitPerMinute: z.int().min(0).max(MAX_RPM).optional(),
    handles: z.array(Named).max(64).optional(),
  }),
  reply: ClauthGrant,
  status: 201,
  problems,
})

export const listClauthGrants = endpoint({
  method: 'GET',
  path: '/claviger/v1/clauth/grants',
  caller: 'operator',
  summary: 'List the grants of the Clauth door, one for each skill, provider and scope; revoked ones too',
  query: z.strictObject({ skillId: Skill.optional() }),
  reply: listOf(ClauthGrant),
})

export const revokeClauthGrants = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/grants/revoke',
  caller: 'operator',
  summary: 'Revoke what a skill was granted at the Clauth door: all of it, of one provider, or of one scope',
  body: z.strictObject({ skillId: Skill, provider: Named.optional(), scope: z.string().max(256).optional() }),
  reply: z.object({ revoked: z.int() }),
  problems,
})

export const issueClauthToken = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/skill-tokens',
  caller: 'operator',
  summary: 'A new skill token for the Clauth door; the one before dies with it',
  body: z.strictObject({ skillId: Skill }),
  reply: z.object({ skillId: z.string(), token: z.string() }),
  status: 201,
  problems,
})

export const adoptClauthToken = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/skill-tokens/import',
  caller: 'operator',
  summary: 'Have the token of a skill go on working, of which an installation of Clauth kept a hash',
  body: z.strictObject({
    skillId: Skill,
    /** The `skillTokenSalt` of its config.json. */
    salt: z.string().min(1).max(256),
    /** Hex SHA-256 of `<salt>:<token>`. */
    tokenHash: z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits are wanted'),
  }),
  /** `imported` is false where the skill has or ever had a token here. */
  reply: z.object({ skillId: z.string(), imported: z.boolean() }),
  problems,
})

export const revokeClauthToken = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/skill-tokens/revoke',
  caller: 'operator',
  summary: 'Revoke the token of a skill',
  body: z.strictObject({ skillId: Skill }),
  reply: z.object({ skillId: z.string(), revoked: z.boolean() }),
  problems,
})

export const listClauthTokens = endpoint({
  method: 'GET',
  path: '/claviger/v1/clauth/skill-tokens',
  caller: 'operator',
  summary: 'Which skills have a token for the Clauth door',
  reply: listOf(z.object({ skillId: z.string(), active: z.boolean(), createdAt: Iso, updatedAt: Iso })),
})

export const issueClauthSession = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/session-tokens',
  caller: 'operator',
  summary: 'A short token for a skill at the Clauth door; it lives an hour at most',
  body: z.strictObject({
    skillId: Skill,
    scope: z.string().max(256).optional(),
    ttlSeconds: z.int().min(1).max(31_536_000).optional(),
  }),
  reply: z.object({ skillId: z.string(), token: z.string(), jti: z.string(), issuedAt: Iso, expiresAt: Iso }),
  status: 201,
  problems,
})

export const revokeClauthSession = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/session-tokens/revoke',
  caller: 'operator',
  summary: 'End a session of the Clauth door, by its token or its jti',
  body: z.strictObject({
    token: z.string().min(1).max(8_192).optional(),
    jti: z.string().min(1).max(128).optional(),
    /** Seconds since 1970, for a jti that is not known here. */
    exp: z.int().positive().optional(),
  }),
  reply: z.object({ revoked: z.boolean(), jti: z.string().optional(), expiresAt: Iso.optional() }),
  problems,
})

export const listClauthRevocations = endpoint({
  method: 'GET',
  path: '/claviger/v1/clauth/session-tokens/revocations',
  caller: 'operator',
  summary: 'Sessions of the Clauth door that were ended before their time',
  reply: listOf(z.object({ jti: z.string(), revokedAt: Iso, expiresAt: z.int(), reason: z.string() })),
})

export const clauthEmergency = endpoint({
  method: 'POST',
  path: '/claviger/v1/clauth/emergency-revoke',
  caller: 'operator',
  summary: 'Stop everything: every grant is revoked, all tokens and sessions of agents die, running calls end',
  reply: z.object({ revoked: z.int() }),
})
