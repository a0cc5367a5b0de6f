import type { z } from 'zod'
import type { Problem, ProblemCatalogue } from '../ground/problem.ts'
import type { Client } from './client-address.ts'
import type { EventStream } from './event-streams.ts'

/**
 * Who may call, and thereby where the endpoint answers: `anyone`, `agent` and `service` on the agent listener,
 * `operator` on the operators' socket and listener alone, `person` (somebody at an operators' page who is about to sign in)
 * on that listener alone. Required, so that no route can forget its guard.
 */
export type Caller = 'anyone' | 'agent' | 'service' | 'operator' | 'person'

/** What an operator may: `auditor` reads, `approver` answers approvals too, `owner` does everything. Weakest first. */
export const roles = ['auditor', 'approver', 'owner'] as const
export type Role = (typeof roles)[number]
/** Also of a member, who is no operator: it suffices for nothing. */
export type AnyRole = Role | 'member'

/** An endpoint as data: one source for routing, validation, types and OpenAPI. Unknown members are refused on input. */
export interface Endpoint<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** RFC 6570 level 1: `/claviger/v1/agents/{id}`. */
  readonly path: `/${string}`
  readonly caller: Caller
  /** The least role of an operator who may call; if absent an auditor reads (GET) and an owner does everything else. */
  readonly role?: Role
  /** In a session: whether a proof of the last five minutes is wanted; if absent, for whatever wants an owner. */
  readonly fresh?: boolean
  /** A session that was opened with a recovery code may call it. */
  readonly recovery?: true
  readonly summary: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly reply: R
  /** Bytes of body that are read, where the caller's kind says too little. */
  readonly maxBody?: number
  /** The body comes as a form (application/x-www-form-urlencoded), not as JSON. */
  readonly form?: true
  /** How refusals are worded, where a standard or a contract has a form of its own; RFC 9457 if absent. */
  readonly wording?: (problem: Problem, rid: string) => Wording
  /** The answer goes on: a stream of events (`event-streams.ts`), and `reply` is what one of them says. */
  readonly stream?: true
  /** The reply is text of this kind, not JSON. */
  readonly text?: 'html' | 'plain'
  /** The handler gives the reply's JSON as bytes, made once and the same for everybody: nothing is encoded for each caller. */
  readonly readyMade?: true
  /** Anybody may keep the good answer for so long; `no-store` if absent. */
  readonly cacheSeconds?: number
  /** Status of the good answer; 200 if absent. */
  readonly status?: number
  /** Plain HTTP from beyond this machine is refused, whatever is set. */
  readonly httpsOnly?: true
  /** Answers although the vault is sealed. What needs a caller then proves it by the body (the passphrase). */
  readonly whileSealed?: true
  readonly problems?: ProblemCatalogue
}

// biome-ignore lint/suspicious/noExplicitAny: an endpoint of any schemas
export type AnyEndpoint = Endpoint<any, any, any, any>

/** A refusal in other words: `body` is sent as JSON. */
export interface Wording {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: object
}

/** A reply with headers, or a status, of its own. */
export class Answer<T> {
  readonly reply: T
  readonly headers: Readonly<Record<string, string>>
  readonly status: number | undefined

  constructor(reply: T, headers: Readonly<Record<string, string>>, status?: number) {
    this.reply = reply
    this.headers = headers
    this.status = status
  }
}

/** What a handler gets: validated parts, who asks, and the request id. */
export interface Asked<P, Q, B, Who> {
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly caller: Who
  readonly rid: string
  /** Where the request comes from, as limits and records name it. */
  readonly client: Client
  /** Names and values by turns, as they came. */
  readonly rawHeaders: readonly string[]
  /** Aborted when whoever asked leaves. For handlers that wait. */
  readonly gone: () => AbortSignal
}

export interface BoundEndpoint<Who> {
  readonly endpoint: AnyEndpoint
  readonly handle: (asked: Asked<unknown, unknown, unknown, Who>) => Promise<unknown>
}

export function endpoint<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  spec: Endpoint<P, Q, B, R>,
): Endpoint<P, Q, B, R> {
  return spec
}

/** The least role that an operators' endpoint wants. What says nothing and is no reading is an owner's. */
export function roleWanted({ role, method }: Pick<AnyEndpoint, 'role' | 'method'>): Role {
  return role ?? (method === 'GET' ? 'auditor' : 'owner')
}

/** Whether a session must be fresh for it. */
export function freshWanted(endpoint: Pick<AnyEndpoint, 'role' | 'method' | 'fresh'>): boolean {
  return endpoint.fresh ?? roleWanted(endpoint) === 'owner'
}

/** Whether somebody of this role may do what wants that one. A role that nobody knows may nothing. */
export function roleSuffices(role: AnyRole, wanted: Role): boolean {
  const known: readonly AnyRole[] = roles
  return known.indexOf(role) >= known.indexOf(wanted) && known.includes(role)
}

/** Ties an endpoint whose reply is ready-made to the function that has it. */
export function bindReadyMade<Who>(spec: AnyEndpoint, handle: () => Buffer): BoundEndpoint<Who> {
  return { endpoint: spec, handle: async () => handle() }
}

/** Ties an endpoint whose answer goes on to the function that says what it tells. */
export function bindStream<P extends z.ZodType, Who>(
  spec: Endpoint<P, z.ZodType, z.ZodType, z.ZodType>,
  handle: (asked: Asked<z.output<P>, unknown, unknown, Who>) => EventStream,
): BoundEndpoint<Who> {
  return { endpoint: spec, handle: async (asked) => handle(asked as Asked<z.output<P>, unknown, unknown, Who>) }
}

/** Ties an endpoint to the function that answers it; the types of both must agree. */
export function bind<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType, Who>(
  spec: Endpoint<P, Q, B, R>,
  handle: (
    asked: Asked<z.output<P>, z.output<Q>, z.output<B>, Who>,
  ) => Promise<z.input<R> | Answer<z.input<R>>> | z.input<R> | Answer<z.input<R>>,
): BoundEndpoint<Who> {
  return { endpoint: spec, handle: async (asked) => handle(asked as Asked<z.output<P>, z.output<Q>, z.output<B>, Who>) }
}
