/** Whether a rule is about a call: yes, no, or not known. Compiled once, asked for every call of its service. */
import { constrainedQuery, type QueryKeys, queryKeys } from '../ground/constrained-query.ts'
import type { AgentId } from '../ground/ids.ts'
import { type Origin, originMatches } from '../ground/origin.ts'
import { compileTemplate, type PathTemplate } from '../ground/path-template.ts'
import { Problem } from '../ground/problem.ts'
import type { Condition } from './condition.ts'
import type { ConditionFacts } from './condition-facts.ts'
import type { CallFacts, JudgedBody, RuleDefinition, Tri } from './contract.ts'
import { pointedAt, splitPointer } from './read-body.ts'
import { CompiledWindow, type ZoneClock } from './time-window.ts'
import { isAboutAll } from './tunnel-hosts.ts'

type Values = ReadonlySet<unknown>

/** One call with what conditions read of it, made for the first that asks. */
export interface Judged {
  readonly call: CallFacts
  conditionFacts(missing: unknown): ConditionFacts
}

export type Match = Tri | 'needs_body'

/** A tunnel that is to be passed through untouched. */
export interface TunnelFacts {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly agent: AgentId
  readonly origin: Origin
  readonly trust: number | undefined
}

export class Matcher {
  /** Undefined: any. */
  readonly services: ReadonlySet<string> | undefined
  readonly methods: ReadonlySet<string> | undefined
  /** Of a rule about tunnels, which is about no call. */
  readonly hosts: readonly Origin[] | undefined
  /** Whether it may be about a tunnel. */
  readonly ofTunnels: boolean
  readonly #strict: boolean
  readonly #agents: ReadonlySet<string> | undefined
  readonly #actions: ((name: string) => boolean) | undefined
  readonly #paths: readonly PathTemplate[] | undefined
  readonly #query: { readonly keys: QueryKeys; readonly values: ReadonlyMap<string, Values> } | undefined
  readonly #body: readonly (readonly [path: readonly string[], values: Values])[] | undefined
  readonly #risk: ReadonlySet<string> | undefined
  readonly #time: CompiledWindow | undefined
  readonly #trust: { readonly below?: number | undefined; readonly atLeast?: number | undefined } | undefined
  readonly #findings: ReadonlySet<string> | undefined
  readonly #condition: Condition | undefined

  /** Throws Problem `template_invalid`, `rule_invalid`. */
  constructor(
    definition: RuleDefinition,
    condition: Condition | undefined,
    clockOf: (zone: string) => ZoneClock,
    hosts?: readonly Origin[] | undefined,
  ) {
    const { effect, match } = definition
    this.hosts = hosts
    this.ofTunnels = hosts !== undefined || (effect !== 'allow' && isAboutAll(definition))
    this.#strict = effect === 'allow'
    this.services = setOf(match.services)
    this.methods = match.methods && withHead(match.methods)
    this.#agents = setOf(match.agents)
    this.#actions = match.actions && namesOf(match.actions)
    this.#paths = match.paths?.map(compileTemplate)
    this.#query = match.query && { keys: queryKeys(Object.keys(match.query)), values: valuesOf(match.query) }
    this.#body = match.body && [...valuesOf(match.body)].map(([pointer, values]) => [splitPointer(pointer), values])
    this.#risk = match.risk === undefined ? undefined : new Set([match.risk].flat())
    this.#time = match.time && new CompiledWindow(match.time, clockOf)
    this.#trust = match.trust
    this.#findings = setOf(match.findings)
    this.#condition = condition
  }

  /** Service and method are compared by the index already, but for calls that come another way. */
  match(judged: Judged): Match {
    const { call } = judged
    if (this.hosts !== undefined) return 'no'
    if (this.services !== undefined && !(call.service !== undefined && this.services.has(call.service))) return 'no'
    if (this.methods !== undefined && !this.methods.has(call.method)) return 'no'
    if (this.#agents !== undefined && !this.#agents.has(call.agent)) return 'no'
    if (this.#time !== undefined && !this.#time.has(call.now)) return 'no'
    let known = and(this.#action(call), this.#path(call))
    if (known !== 'no' && this.#risk !== undefined) known = and(known, has(this.#risk, call.risk))
    if (known !== 'no' && this.#trust !== undefined) known = and(known, trustFits(this.#trust, call.trust))
    if (known !== 'no' && this.#findings !== undefined) known = and(known, findingFits(this.#findings, call.findings))
    if (known !== 'no' && this.#query !== undefined) known = and(known, this.#queryFits(call))
    if (known === 'no') return 'no'
    return this.#withBody(judged, known)
  }

  /** Of a rule that may be about tunnels. */
  matchTunnel({ origin: { host, port, scheme }, agent, now, trust }: TunnelFacts): Tri {
    if (this.hosts?.some((one) => originMatches(one, host, port, scheme)) === false) return 'no'
    if (this.#agents !== undefined && !this.#agents.has(agent)) return 'no'
    if (this.#time !== undefined && !this.#time.has(now)) return 'no'
    return this.#trust === undefined ? 'yes' : trustFits(this.#trust, trust)
  }

  #withBody(judged: Judged, known: Tri): Match {
    const { body } = judged.call
    const condition = this.#condition?.evaluate(judged.conditionFacts(this.#condition.missing)) ?? 'yes'
    if (condition === 'no') return 'no'
    if (
      body === undefined &&
      (this.#body !== undefined || (condition === 'unknown' && this.#condition?.usesBody === true))
    )
      return 'needs_body'
    const before = and(known, condition)
    return this.#body === undefined || body === undefined ? before : and(before, bodyFits(this.#body, body))
  }

  /** Every part that the rule has → whether the call is that. */
  parts(judged: Judged): Readonly<Record<string, Match>> {
    const { call } = judged
    const parts: Record<string, Match> = {}
    if (this.hosts) parts.hosts = 'no'
    if (this.#agents) parts.agents = yes(this.#agents.has(call.agent))
    if (this.services) parts.services = yes(call.service !== undefined && this.services.has(call.service))
    if (this.methods) parts.methods = yes(this.methods.has(call.method))
    if (this.#actions) parts.actions = this.#action(call)
    if (this.#paths) parts.paths = this.#path(call)
    if (this.#query) parts.query = this.#queryFits(call)
    if (this.#risk) parts.risk = has(this.#risk, call.risk)
    if (this.#time) parts.time = yes(this.#time.has(call.now))
    if (this.#trust) parts.trust = trustFits(this.#trust, call.trust)
    if (this.#findings) parts.findings = findingFits(this.#findings, call.findings)
    if (this.#body) parts.body = call.body === undefined ? 'needs_body' : bodyFits(this.#body, call.body)
    if (this.#condition) {
      const said = this.#condition.evaluate(judged.conditionFacts(this.#condition.missing))
      const waits = said === 'unknown' && call.body === undefined && this.#condition.usesBody
      parts.when = waits ? 'needs_body' : said
    }
    return parts
  }

  /** A call that may be taken for several actions is allowed as all of them, and refused as any. */
  #action({ actions }: CallFacts): Tri {
    if (this.#actions === undefined) return 'yes'
    if (actions === undefined) return 'unknown'
    if (actions.length === 0) return 'no'
    return (this.#strict ? actions.every(this.#actions) : actions.some(this.#actions)) ? 'yes' : 'no'
  }

  /** What is to be refused is refused in every spelling that a lenient service takes for the same. */
  #path({ target, hidden }: CallFacts): Tri {
    if (this.#paths === undefined) return 'yes'
    if (hidden?.path === true) return 'unknown'
    for (const path of this.#paths) {
      if (path.matches(target, !this.#strict)) return 'yes'
      if (!this.#strict && path.resembles(target)) return 'yes'
    }
    return 'no'
  }

  /** A query that servers read in different ways is not known. */
  #queryFits({ target, hidden }: CallFacts): Tri {
    const { keys, values } = this.#query!
    let given: ReadonlyMap<string, string>
    try {
      given = constrainedQuery(target, keys)
    } catch (error) {
      if (error instanceof Problem) return 'unknown'
      throw error
    }
    let known: Tri = 'yes'
    for (const [name, wanted] of values) {
      const value = given.get(name)
      if (value === undefined) return 'no'
      if (hidden?.query.has(name) === true) known = 'unknown'
      else if (!wanted.has(value)) return 'no'
    }
    return known
  }
}

function bodyFits(wanted: readonly (readonly [path: readonly string[], values: Values])[], body: JudgedBody): Tri {
  if (body.kind === 'unreadable') return 'unknown'
  if (body.kind === 'none') return 'no'
  for (const [path, values] of wanted) {
    const value = pointedAt(body.value, path)
    if (value === undefined || !values.has(value)) return 'no'
  }
  return 'yes'
}

function trustFits(
  { below, atLeast }: { below?: number | undefined; atLeast?: number | undefined },
  trust: number | undefined,
): Tri {
  if (trust === undefined || Number.isNaN(trust)) return 'unknown'
  if (below !== undefined && !(trust < below)) return 'no'
  return atLeast !== undefined && !(trust >= atLeast) ? 'no' : 'yes'
}

function findingFits(wanted: ReadonlySet<string>, findings: CallFacts['findings']): Tri {
  if (findings === undefined) return 'unknown'
  for (const { effect } of findings) if (wanted.has(effect)) return 'yes'
  return 'no'
}

function yes(holds: boolean): Tri {
  return holds ? 'yes' : 'no'
}

function has(wanted: ReadonlySet<string>, value: string | undefined): Tri {
  if (value === undefined) return 'unknown'
  return wanted.has(value) ? 'yes' : 'no'
}

function and(one: Tri, other: Tri): Tri {
  if (one === 'no' || other === 'no') return 'no'
  return one === 'yes' ? other : 'unknown'
}

function setOf(list: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return list === undefined ? undefined : new Set(list)
}

/** HEAD is a GET without the answer's body. */
function withHead(methods: readonly string[]): ReadonlySet<string> {
  return new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods)
}

function namesOf(patterns: readonly string[]): (name: string) => boolean {
  const whole = new Set(patterns.filter((one) => !one.endsWith('*')))
  const beginnings = patterns.filter((one) => one.endsWith('*')).map((one) => one.slice(0, -1))
  return (name) => whole.has(name) || beginnings.some((beginning) => name.startsWith(beginning))
}

function valuesOf(members: Readonly<Record<string, unknown>>): ReadonlyMap<string, Values> {
  return new Map(Object.entries(members).map(([name, value]) => [name, new Set([value].flat())]))
}
