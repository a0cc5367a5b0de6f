/**
 * The promise of the services room: what a service is, as data. See services.ts for what the room does with it.
 */
import { z } from 'zod'
import type { AddressSet } from '../ground/addresses.ts'
import type { ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { problemsOf } from '../ground/problem.ts'
import type { Target } from '../ground/target.ts'
import type { Scoped, ScopeMeaning } from '../policy/scope.ts'

/** Part of URLs and of scopes. */
export const ServiceName = z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, {
  error: 'lower-case letters, digits and . _ - between them, at most 64',
})
const ActionName = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, {
  error: 'letters, digits and . _ - between them, at most 64',
})
/** RFC 9110 §5.1, without `_`, which some servers take for `-`. */
const HeaderName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}$/)
const QueryName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const Printable = z.string().regex(/^[\x20-\x7e]{1,512}$/)
const Template = z.string().min(1).max(1024)
const Milliseconds = z.int().min(1).max(3_600_000)

export const Method = z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
export const Risk = z.enum(['low', 'medium', 'high'])

export const Injection = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('bearer') }),
  z.strictObject({ kind: z.literal('header'), name: HeaderName }),
  z.strictObject({
    kind: z.literal('basic'),
    username: z
      .string()
      .regex(/^[\x21-\x39\x3b-\x7e]{1,256}$/)
      .optional(),
  }),
  z.strictObject({ kind: z.literal('query'), name: QueryName }),
  z.strictObject({ kind: z.literal('template'), name: HeaderName, template: Printable }),
])

export const ActionInput = z.strictObject({
  method: Method,
  /** Path template: /repos/{owner}/{repo}. */
  path: Template,
  /** All are required. Without any, the class is. */
  scopes: z.array(z.string().max(200)).max(8).optional(),
  /** What the action is, whatever its method says; service:<class> is then enough beside the scopes. */
  class: z.enum(['read', 'write', 'delete']).optional(),
  risk: Risk.optional(),
  /** A human must say yes to each use. */
  ask: z.boolean().optional(),
  /** The action is only meant where each of these keys has one of these values. */
  query: z.record(QueryName, z.union([z.string().max(512), z.array(z.string().max(512)).min(1).max(64)])).optional(),
})

const Timeouts = z.strictObject({
  connectMs: Milliseconds.optional(),
  headersMs: Milliseconds.optional(),
  idleMs: Milliseconds.optional(),
})

/** Where tokens for a service come from, and how to ask there for a connection. Always https. */
export const OAuthPlaces = z.strictObject({
  /** RFC 8414: its metadata name the endpoints that are left out here, on the same origins. */
  issuer: Template.optional(),
  authorizationUrl: Template.optional(),
  tokenUrl: Template.optional(),
  /** RFC 8628. */
  deviceUrl: Template.optional(),
  /** Asked for unless the operator says others. */
  scopes: z.array(z.string().min(1).max(256)).max(64).optional(),
  /** How the client shows its secret; `post` unless said otherwise. */
  clientAuth: z.enum(['post', 'basic', 'none']).optional(),
  /** More members of the authorization request: `{"access_type": "offline"}`. */
  parameters: z.record(z.string().regex(/^[a-z_]{1,64}$/), z.string().max(512)).optional(),
})

/** What an operator says about a service; what is left out comes from the preset, if one is named. */
export const ServiceInput = z.strictObject({
  name: ServiceName,
  preset: z.string().max(64).optional(),
  origins: z.array(z.string().max(300)).min(1).max(32).optional(),
  /** How the credential is attached; `none` for a service that needs none. */
  injection: z.union([Injection, z.strictObject({ kind: z.literal('none') })]).optional(),
  actions: z.record(ActionName, ActionInput).optional(),
  /** Path templates that may be called; everything on the origins if left out. */
  paths: z.array(Template).min(1).max(256).optional(),
  /** Addresses or CIDR ranges that may be dialled for this service although they are not public. */
  addresses: z.array(z.string().max(64)).min(1).max(64).optional(),
  timeouts: Timeouts.optional(),
  oauth: OAuthPlaces.optional(),
  unsafeNoScrub: z.boolean().optional(),
  unsafePlainHttp: z.boolean().optional(),
  auditMode: z.literal('strict').optional(),
  /** Query keys whose values may stand in the record as they are. */
  plainQuery: z.array(QueryName).max(64).optional(),
})

/** A service as it is kept: nothing is implied any more. */
export const ServiceDefinition = ServiceInput.omit({ name: true }).extend({
  origins: z.array(z.string()).min(1),
  paths: z.array(Template).min(1),
  actions: z.record(ActionName, ActionInput),
})

export const ServiceView = ServiceDefinition.extend({
  id: z.string(),
  name: z.string(),
  /** Milliseconds since 1970. */
  createdAt: z.int().nonnegative(),
  updatedAt: z.int().nonnegative(),
})

export type ServiceInput = z.input<typeof ServiceInput>
export type ServiceDefinition = z.output<typeof ServiceDefinition>
export type ServiceView = z.output<typeof ServiceView>
export type ActionInput = z.output<typeof ActionInput>
export type Injection = z.output<typeof Injection>
export type Risk = z.output<typeof Risk>

/** What one method and path is on a service. */
export interface Resolution extends Scoped {
  readonly risk: Risk
  readonly ask: boolean
}

/** The read-model's entry: immutable, made anew by every change. */
export interface Service {
  readonly id: ServiceId
  readonly name: string
  /** Those without a wildcard first: the first is the one that base-URL calls go to. */
  readonly origins: readonly Origin[]
  /** Sorted: credentials are sealed for this set. */
  readonly originHrefs: readonly string[]
  readonly injection: Injection | undefined
  /** Milliseconds. */
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly idleMs: number }
  /** Undefined: no address but public ones. */
  readonly allowed: AddressSet | undefined
  /** Where its tokens come from beside its own origins: https alone. */
  readonly tokenOrigins: readonly Origin[]
  readonly scrub: boolean
  readonly strictAudit: boolean
  readonly plainQuery: ReadonlySet<string>
  /** Epoch of the change that made it what it is. */
  readonly epoch: number
  readonly view: ServiceView
  /**
   * The most specific action, or the class of the method; undefined where the path or the method is not allowed.
   * Throws Problem `target_ambiguous` for a query that could be read as another action's.
   */
  resolve(method: string, target: Target): Resolution | undefined
  /** Everything that a grant of this one scope would allow; empty if it means nothing here. */
  explainScope(scope: string): readonly ScopeMeaning[]
  /** Scopes that mean something here, the broad ones first. */
  scopes(): readonly string[]
}

export const serviceProblems = {
  service_exists: { status: 409, title: 'There is a service of that name', hint: 'Replace it, or take another name.' },
  service_unknown: { status: 404, title: 'There is no such service', hint: 'See `claviger service list`.' },
  service_invalid: { status: 422, title: 'The service cannot be described like that' },
  preset_unknown: { status: 422, title: 'There is no such preset' },
  action_duplicate: {
    status: 422,
    title: 'Two actions mean the same calls',
    hint: 'Remove one, or give them different methods, paths or query values.',
  },
  action_unreachable: {
    status: 422,
    title: 'An action lies outside the allowed paths',
    hint: 'Add its path to `paths`, or remove the action.',
  },
  origin_plain_http: {
    status: 422,
    title: 'Credentials would cross the network in clear text',
    hint: 'Use https. For a loopback service name its address in `addresses` (--address); otherwise set `unsafePlainHttp` (--unsafe-plain-http).',
  },
  origin_private: {
    status: 422,
    title: 'The origin is not on the public network',
    hint: 'Name the addresses it may have in `addresses` (--address), for example ["127.0.0.1"] or ["10.1.0.0/16"].',
  },
} as const

export const serviceProblem = problemsOf(serviceProblems)
