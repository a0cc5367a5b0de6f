/**
 * The promise of the services room: what a service is, as data. See services.ts for what the room does with it.
 */

import { z } from 'zod'
import type { AddressSet } from '../ground/addresses.ts'
import type { Parameters } from '../ground/fill-template.ts'
import type { ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { problemsOf } from '../ground/problem.ts'
import type { JsonValue } from '../ground/strict-json.ts'
import type { Target } from '../ground/target.ts'
import type { Assurance } from '../policy/assurance.ts'
import type { Scoped, ScopeMeaning } from '../policy/scope.ts'
import {
  ActionInput,
  ActionName,
  BodyField,
  Injection,
  OAuthPlaces,
  Path,
  Placeholder,
  Probe,
  QueryName,
  type Risk,
  ServiceName,
  Timeouts,
} from './service-parts.ts'
import { ServiceTemplate } from './service-template.ts'
import { WordMap } from './word-map.ts'

/** What an operator says about a service; what is left out comes from the template, if one is named or given. */
export const ServiceInput = z.strictObject({
  name: ServiceName,
  /** Name of one that is bundled, or a whole one. */
  template: z
    .union([z.string().max(64), ServiceTemplate], {
      error: 'neither a name nor a template: `claviger service template validate FILE` says why',
    })
    .optional(),
  /** The earlier word for `template`. */
  preset: z.string().max(64).optional(),
  /** Values of the template's variables. */
  set: z.record(z.string().max(32), z.string().max(253)).optional(),
  origins: z.array(z.string().max(300)).min(1).max(32).optional(),
  /** How the credential is attached; `none` for a service that needs none. */
  injection: z.union([Injection, z.strictObject({ kind: z.literal('none') })]).optional(),
  actions: z.record(ActionName, ActionInput).optional(),
  /** Path templates that may be called; everything on the origins if left out. */
  paths: z.array(Path).min(1).max(256).optional(),
  /** Addresses or CIDR ranges that may be dialled for this service although they are not public. */
  addresses: z.array(z.string().max(64)).min(1).max(64).optional(),
  /** PEM of the authorities, or the certificate itself, to believe of its servers, instead of the system's. */
  trust: z.string().max(65_536).optional(),
  /** `off`: it is spoken to in HTTP/1.1 although it offers HTTP/2. */
  http2: z.enum(['auto', 'off']).optional(),
  /** What the words of Clauth's scopes (`github:read`) mean here, where it is not what they usually mean. */
  words: WordMap.optional(),
  timeouts: Timeouts.optional(),
  oauth: OAuthPlaces.optional(),
  unsafeNoScrub: z.boolean().optional(),
  unsafePlainHttp: z.boolean().optional(),
  auditMode: z.literal('strict').optional(),
  /** Query keys whose values may stand in the record as they are. */
  plainQuery: z.array(QueryName).max(64).optional(),
  /** How to ask the service whose credential it is. */
  probe: Probe.optional(),
  /** What stands for its key in environments and files. */
  placeholder: Placeholder.optional(),
  /** Where in a body a placeholder may stand, and is replaced. */
  bodyFields: z.array(BodyField).min(1).max(16).optional(),
})

/** A service as it is kept: nothing is implied any more. */
export const ServiceDefinition = ServiceInput.omit({ name: true, preset: true, set: true }).extend({
  /** Name of the template that it was made from. */
  template: z.string().max(64).optional(),
  origins: z.array(z.string()).min(1),
  paths: z.array(Path).min(1),
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

/** What one method and path is on a service. */
export interface Resolution extends Scoped {
  readonly risk: Risk
  /** How sure a human's yes must be; undefined where none is wanted. */
  readonly ask: Assurance | undefined
}

/** An action with its parameters, as a request. */
export interface ActionCall {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  /** To be sent as JSON; undefined for none. */
  readonly body: JsonValue | undefined
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
  /** What is wanted of its secrets, in words, where one is not that; undefined where any text will do. */
  readonly secretShape: ((secret: Uint8Array) => string | undefined) | undefined
  /** Milliseconds. */
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly idleMs: number }
  /** Undefined: no address but public ones. */
  readonly allowed: AddressSet | undefined
  /** Whom to believe of its servers, PEM; the system's authorities where it is undefined. */
  readonly trust: readonly string[] | undefined
  /** Whether it may be spoken to in HTTP/2. */
  readonly http2: boolean
  /** Where its tokens come from beside its own origins: https alone. */
  readonly tokenOrigins: readonly Origin[]
  readonly scrub: boolean
  readonly strictAudit: boolean
  readonly plainQuery: ReadonlySet<string>
  /** Members of bodies, as pointers (RFC 6901), in which a placeholder may stand; undefined for none. */
  readonly bodyFields: ReadonlySet<string> | undefined
  /** Epoch of the change that made it what it is. */
  readonly epoch: number
  readonly view: ServiceView
  /**
   * The most specific action, or the class of the method; undefined where the path or the method is not allowed.
   * Throws Problem `target_ambiguous` for a query that could be read as another action's.
   */
  resolve(method: string, target: Target): Resolution | undefined
  /**
   * The request that the action of that name is with these parameters. Throws Problem `action_unknown`, `action_other`,
   * `parameter_missing`, `parameter_invalid`, `target_ambiguous`.
   */
  callOf(action: string, given: Parameters): ActionCall
  /** Whether a word of a door's label means this method and path. */
  wordAllows(word: string, method: string, target: Target): boolean
  /** Everything that a grant of this one scope would allow; empty if it means nothing here. */
  explainScope(scope: string): readonly ScopeMeaning[]
  /** Scopes that mean something here, the broad ones first. */
  scopes(): readonly string[]
}

export const serviceProblems = {
  service_exists: {
    status: 409,
    title: 'There is a service of that name',
    hint: 'Replace it (--replace), or take another name (--name, where it comes from a template).',
  },
  service_unknown: {
    status: 404,
    title: 'There is no such service',
    hint: '`claviger service list` shows those that are here; `claviger service add NAME` makes one of a template, and `claviger service template list` shows these.',
  },
  service_invalid: {
    status: 422,
    title: 'The service cannot be described like that',
    hint: 'docs/guides/services.md has what each member takes; `claviger service show NAME --json` one that is as it should be.',
  },
  service_template_unknown: { status: 422, title: 'There is no such template' },
  service_without_template: {
    status: 409,
    title: 'The service was not made of a template',
    hint: 'Say which one to compare with: --template NAME for a bundled one, --template ./FILE.json for your own (`template`).',
  },
  service_template_values: {
    status: 422,
    title: 'The template wants other values than were given',
    hint: 'Give them with --set NAME=VALUE (`set`), or the origins with --origin (`origins`).',
  },
  action_unknown: {
    status: 404,
    title: 'The service has no action of that name',
    hint: 'See `claviger service show <service>`, or name method and path.',
  },
  action_other: {
    status: 400,
    title: 'With these parameters the request is another action',
    hint: 'Call that action by its name, or name method and path.',
  },
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
