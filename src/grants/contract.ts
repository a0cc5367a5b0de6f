/** The promise of the grants room: what a grant is, as data. See grants.ts for what the room does with it. */
import { z } from 'zod'
import type { AgentId, CredentialId, GrantId, ServiceId } from '../ground/ids.ts'
import { problemsOf } from '../ground/problem.ts'
import type { Label } from '../policy/label.ts'
import { type Scoped, type ScopeMeaning, scopeProblems } from '../policy/scope.ts'

/** Milliseconds since 1970. */
const Time = z.int().nonnegative()

export const MAX_RPM = 100_000

/** What bounds a grant, as an operator says it. */
export const GrantLimits = {
  /** Calls in any 60 seconds; 0 allows none. */
  rpm: z.int().min(0).max(MAX_RPM).optional(),
  /** Calls in all. */
  uses: z.int().min(1).max(1_000_000_000).optional(),
  expiresAt: Time.optional(),
}

const Named = z.string().min(1).max(128)
export const MAX_NAMED = 64

/** `agent` and `service` are names or ids; `credential` is a handle or id. */
export const GrantInput = z.strictObject({
  agent: Named,
  service: Named,
  scopes: z.array(z.string().max(200)).min(1).max(64),
  credential: Named.optional(),
  /** Several in its place, of which a call says which one it wants. */
  credentials: z.array(Named).min(1).max(MAX_NAMED).optional(),
  ...GrantLimits,
})

export const GrantStatus = z.enum(['active', 'expired', 'used_up', 'revoked'])

/** `agent`, `service` and `credential` are ids. */
export const GrantView = z.object({
  id: z.string(),
  agent: z.string(),
  service: z.string(),
  scopes: z.array(z.string()),
  credential: z.string().optional(),
  /** Where it names several. */
  credentials: z.array(z.string()).optional(),
  /** It gives the credentials of the service that no grant names and that are not restricted. */
  unnamed: z.boolean().optional(),
  /** What calls at a door must say, `provider:word`; its word means methods and paths by the service's map. */
  label: z.string().optional(),
  /** The door that made it: it counts for calls that come through that door, and for no others. */
  door: z.string().optional(),
  rpm: z.int().optional(),
  uses: z.int().optional(),
  used: z.int(),
  expiresAt: Time.optional(),
  status: GrantStatus,
  createdAt: Time,
  revokedAt: Time.optional(),
})
export type GrantView = z.output<typeof GrantView>

/** The read-model's entry. `used` moves; all else stays as it was given. */
export interface Grant {
  readonly id: GrantId
  readonly agent: AgentId
  readonly service: ServiceId
  readonly scopes: readonly string[]
  /** The first of those it names, or the one that is implied: what a call that names none goes with. */
  readonly credential: CredentialId | undefined
  readonly credentials: readonly CredentialId[]
  readonly reach: Reach
  readonly label: Label | undefined
  /** The door that made it, and through which alone it counts. */
  readonly door: string | undefined
  readonly rpm: number | undefined
  readonly uses: number | undefined
  readonly used: number
  readonly expiresAt: number | undefined
  readonly status: 'active' | 'revoked'
  readonly createdAt: number
  readonly revokedAt: number | undefined
  /** Whether its scopes allow this, or the word of its label; says nothing of limits and ends. */
  covers(resolution: Scoped, wordAllows?: (word: string) => boolean): boolean
}

/**
 * Which credentials of its service a grant gives. `named`: those that it names, which no `unnamed` grant gives from then
 * on. `implied`: the only one there was. `unnamed`: those that no grant names. `none`: the service is called without.
 */
export type Reach = 'named' | 'implied' | 'unnamed' | 'none'

/** What the room must know of a service to grant something on it. */
export interface GrantedService {
  readonly id: ServiceId
  readonly name: string
  /** Undefined where calls carry no credential. */
  readonly injection: object | undefined
  explainScope(scope: string): readonly ScopeMeaning[]
  scopes(): readonly string[]
}

/** A credential of the service, as far as grants go. */
export interface GrantedCredential {
  readonly id: CredentialId
  readonly handle: string
  /** `restricted=true`: only grants that name it give it. */
  readonly meta?: Readonly<Record<string, string>>
}

/** A grant as the house asks for it: names resolved, and the credentials that the service has. */
export interface NewGrant {
  readonly agent: AgentId
  readonly service: GrantedService
  readonly scopes: readonly string[]
  /** Handle or id of one of `credentials`; left out, the only one is meant. */
  readonly credential?: string | undefined
  /** Handles or ids of those that are named; of a grant with a label they may be none. */
  readonly named?: readonly string[] | undefined
  /** The grant goes by a label, and has no scopes. */
  readonly label?: string | undefined
  /** A door gives it, for calls that come through it alone. */
  readonly door?: string | undefined
  readonly credentials: readonly GrantedCredential[]
  readonly rpm?: number | undefined
  readonly uses?: number | undefined
  readonly expiresAt?: number | undefined
}

export const grantProblems = {
  ...scopeProblems,
  grant_unknown: { status: 404, title: 'There is no such grant', hint: 'See `claviger grants`.' },
  grant_invalid: { status: 422, title: 'The grant cannot be given like that' },
  scope_unknown: {
    status: 422,
    title: 'The scope means nothing on this service',
    hint: '`claviger service show SERVICE` shows its actions with the scopes that they require; SERVICE:read and SERVICE:* always mean something.',
  },
  credential_needed: {
    status: 422,
    title: 'The service has no credential yet',
    hint: 'Store one first: `claviger store <handle> --service <service>`.',
  },
  credential_ambiguous: {
    status: 422,
    title: 'The service has several credentials: name the one that is meant',
    hint: 'Name it with --credential <handle>.',
  },
  credential_restricted: {
    status: 422,
    title: 'The credential is restricted: a grant must name it',
    hint: 'Name it: --credential HANDLE (`credential`).',
  },
  label_invalid: {
    status: 422,
    title: 'The scope is not two parts',
    hint: 'Write provider:action, in lower case; * stands for a whole part. Its provider is the service, or *.',
  },
  credential_not_of_service: {
    status: 422,
    title: 'The service has no such credential',
    hint: '`claviger credential list` shows the service of each; `claviger store HANDLE --service SERVICE` makes one.',
  },
} as const

export const grantProblem = problemsOf(grantProblems)
