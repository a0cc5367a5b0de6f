/**
 * The promise of this part of the identity room, data only: services that want to know which agent calls them, their roles,
 * and what they say of agents. Times are milliseconds since 1970.
 */
import { z } from 'zod'
import type { AgentId, Id, TokenId } from '../../ground/ids.ts'
import { problemsOf } from '../../ground/problem.ts'
import { TtlSeconds } from '../../http/shapes.ts'
import { AgentStatus, LABEL_PATTERN } from '../contract.ts'
import { VerifyError } from '../sessions/contract.ts'
import { trustBands } from './trust-score.ts'

export type RelyingId = Id<'rel'>
export type ReportId = Id<'rpt'>

const Time = z.int().nonnegative()
const idOrName = z.string().min(1).max(128)

export const RELYING_NAME_PATTERN = /^(?!rel_)[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
/** Whose service it is: an operator's id, or a name that the operator chose for somebody else. */
export const OWNER_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._:@+-]{0,126}[A-Za-z0-9])?$/
export const ROLE_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
export const PERMISSION_PATTERN = /^[a-z0-9._:*-]{1,64}$/
export const MAX_PERMISSIONS = 64
export const MAX_ROLES = 64
/** Roles of one agent at one service: they all go into its tokens. */
export const MAX_ROLES_OF_AGENT = 16
export const MAX_KEYS = 16
export const MAX_REASON = 500

const RoleId = z.string().regex(ROLE_PATTERN, { error: 'letters, digits and . _ : -, at most 64' })

export const AddRelying = z.strictObject({
  name: z.string().regex(RELYING_NAME_PATTERN, { error: 'lower-case letters, digits and . _ - between them' }),
  /** The operator who asks, if left out. */
  owner: z.string().regex(OWNER_PATTERN).optional(),
  /** The audience of tokens that name none. */
  default: z.boolean().optional(),
})

export const RelyingView = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.string(),
  status: z.enum(['active', 'removed']),
  default: z.boolean(),
  createdAt: Time,
})
export type RelyingView = z.output<typeof RelyingView>

export const IssueKey = z.strictObject({ label: z.string().regex(LABEL_PATTERN).optional() })
export const KeyView = z.object({
  id: z.string(),
  label: z.string().optional(),
  status: z.enum(['active', 'revoked']),
  createdAt: Time,
  revokedAt: Time.optional(),
})
export type KeyView = z.output<typeof KeyView>
/** The only answer that ever holds the key itself. */
export const IssuedKey = KeyView.extend({ service: z.string(), key: z.string() })

export const SetRole = z.strictObject({
  permissions: z.array(z.string().regex(PERMISSION_PATTERN)).max(MAX_PERMISSIONS),
})
export const RoleView = z.object({
  id: z.string(),
  permissions: z.array(z.string()),
  createdAt: Time,
  /** Agents that have it, its end not passed. */
  agents: z.int(),
})
export type RoleView = z.output<typeof RoleView>

const ends = { expiresAt: Time.optional(), ttlSeconds: TtlSeconds.optional() }
const oneEnd = { error: 'give expiresAt or ttlSeconds, not both' }
const hasOneEnd = (body: { expiresAt?: unknown; ttlSeconds?: unknown }) =>
  body.expiresAt === undefined || body.ttlSeconds === undefined
export const AssignOwnRole = z.strictObject({ role: RoleId, ...ends }).refine(hasOneEnd, oneEnd)
export const AssignRole = z.strictObject({ agent: idOrName, role: RoleId, ...ends }).refine(hasOneEnd, oneEnd)

export const AssignmentView = z.object({
  agent: z.string(),
  agentName: z.string().optional(),
  service: z.string(),
  serviceName: z.string(),
  role: z.string(),
  expiresAt: Time.optional(),
  expired: z.boolean(),
  createdAt: Time,
})
export type AssignmentView = z.output<typeof AssignmentView>

export const TrustView = z.object({
  agent: z.string(),
  score: z.number(),
  band: z.enum(trustBands),
  samples: z.int(),
  confidence: z.number(),
  updatedAt: Time,
})
export type TrustView = z.output<typeof TrustView>

export const Report = z.strictObject({
  score: z.number().min(0).max(10),
  reason: z.string().min(1).max(MAX_REASON),
})

export const ReportState = z.enum(['counted', 'disputed', 'dropped'])
export type ReportState = z.output<typeof ReportState>
export const ReportView = z.object({
  id: z.string(),
  agent: z.string(),
  service: z.string(),
  serviceName: z.string().optional(),
  score: z.number(),
  scoreBefore: z.number(),
  reason: z.string(),
  at: Time,
  state: ReportState,
  disputedAt: Time.optional(),
  decidedAt: Time.optional(),
})
export type ReportView = z.output<typeof ReportView>

/** What a service is told of an agent. `email` is empty unless both have the same owner. */
export const AgentForService = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  status: AgentStatus,
  trustScore: z.number(),
  roles: z.array(z.string()),
  permissions: z.array(z.string()),
  createdAt: Time,
  lastSeenAt: Time.optional(),
})
export type AgentForService = z.output<typeof AgentForService>

export const Verified = z.object({
  valid: z.boolean(),
  error: VerifyError.optional(),
  agent: AgentForService.optional(),
  scope: z.string().optional(),
  expiresAt: Time.optional(),
  /** Thumbprint of the key whose proof (RFC 9449) the service must ask for: the token alone is worth nothing. */
  jkt: z.string().optional(),
})
export type Verified = z.output<typeof Verified>

/** Checks an agent's token against all that is known of it; the roof gives it. `claims` are those of the token. */
export type VerifyToken = (
  token: string,
  expect: { readonly audience: string },
) => Promise<
  | { readonly ok: true; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly error: VerifyError }
>

/** What a service may ask only so often. Throws Problem `rate_limited`; the roof gives it. */
export type Limit = (what: 'verify' | 'trust', service: RelyingId) => void

/** When the agent last signed in, as far as that is remembered; the roof gives it. */
export type LastSeen = (agent: AgentId) => Promise<number | undefined>

/** An agent as this part must know it. */
export interface KnownAgent {
  readonly id: AgentId
  readonly name: string
  readonly status: AgentStatus
  readonly createdAt: number
  readonly owner?: string | undefined
  readonly email?: string | undefined
}

/** What tokens for a relying service say of their agent. */
export type RelyingClaims = {
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  readonly trustScore: number
}

/** The read-model's entry of a relying service: the same object for its whole life, kept up to date in place. */
export interface RelyingEntry {
  readonly id: RelyingId
  readonly name: string
  readonly owner: string
  readonly status: 'active' | 'removed'
  readonly isDefault: boolean
  readonly createdAt: number
}

/** A relying service that asks, recognised by one of its keys. */
export interface RelyingPrincipal {
  readonly kind: 'service'
  readonly service: RelyingEntry
  readonly token: { readonly id: TokenId }
}

export const relyingProblems = {
  relying_unknown: { status: 404, title: 'There is no such relying service', hint: 'List them: claviger relying list' },
  relying_name_taken: { status: 409, title: 'Another relying service has this name', hint: 'Choose another name' },
  relying_invalid: {
    status: 422,
    title: 'Cannot use this name or owner for a relying service',
    hint: 'A name is 1 to 64 of lower-case letters, digits, `.`, `_`, `-`, with a letter or digit at both ends',
  },
  relying_key_unknown: { status: 404, title: 'There is no such key of a relying service' },
  relying_keys_too_many: {
    status: 409,
    title: `A relying service has at most ${MAX_KEYS} live keys`,
    hint: 'Revoke one that is not used any more: claviger relying key revoke',
  },
  relying_label_invalid: { status: 422, title: 'Cannot use this label', hint: 'Use 1 to 100 printable characters' },
  role_unknown: {
    status: 404,
    title: 'The relying service has no such role',
    hint: 'An operator makes it: claviger role set',
  },
  role_of_other_service: { status: 403, title: 'The role belongs to another relying service' },
  role_invalid: {
    status: 422,
    title: 'The role cannot be made like that',
    hint: 'An id is letters, digits and . _ : -; permissions are at most 64 of a-z 0-9 . _ : * -, each at most 64 long',
  },
  roles_too_many: {
    status: 409,
    title: `A relying service has at most ${MAX_ROLES} roles, and an agent ${MAX_ROLES_OF_AGENT} of one service`,
  },
  role_not_assigned: { status: 404, title: 'The agent does not have this role' },
  role_end_invalid: { status: 422, title: 'A role cannot end in the past' },
  agent_not_eligible: {
    status: 409,
    title: 'A pending or revoked agent gets no role',
    hint: 'A pending agent is approved by an operator',
  },
  report_invalid: {
    status: 422,
    title: 'The report has no score from 0 to 10, or no reason',
    hint: `Give a score from 0 to 10 and a reason of 1 to ${MAX_REASON} characters`,
  },
  report_on_own_agent: { status: 403, title: 'A service cannot report on agents of its own owner' },
  report_unknown: { status: 404, title: 'There is no such report', hint: 'See claviger trust history' },
  report_decided: { status: 409, title: 'The operator has decided on this report' },
  report_not_disputed: { status: 409, title: 'Nobody disputes this report' },
} as const

export const relyingProblem = problemsOf(relyingProblems)
