/** What a rule would have said of calls that are on record. What was not kept of a call cannot be told. */
import { z } from 'zod'
import type { AgentId, ServiceId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import { canonicalTarget, type Target } from '../ground/target.ts'
import type { CompiledRule } from './compile-rule.ts'
import { type CallFacts, RuleEffect } from './contract.ts'
import { JudgedCall } from './judge.ts'

const Example = z.object({
  rid: z.string(),
  /** Milliseconds since 1970. */
  at: z.int(),
  agent: z.string(),
  service: z.string(),
  method: z.string(),
  path: z.string(),
})

export const DryRunReport = z.object({
  effect: RuleEffect,
  /** Milliseconds since 1970: the calls of which time were looked at. */
  from: z.int(),
  to: z.int(),
  calls: z.int(),
  /** The rule would have allowed, asked about, or denied so many. */
  about: z.int(),
  notAbout: z.int(),
  /** Something that the rule wants to know of them is not on record: a body, trust, a redacted value. */
  cannotTell: z.int(),
  /** False where there are more calls on record than were looked at: those are older. */
  complete: z.boolean(),
  examples: z.array(Example.extend({ said: z.enum(['about', 'cannot tell']) })),
})
export type DryRunReport = z.output<typeof DryRunReport>

/** A call as the log has it. */
export interface RecordedCall {
  readonly rid: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly agent: AgentId
  readonly service: string
  readonly method: string
  readonly path: string
  /** Values that are not plain stand redacted. */
  readonly query: string | undefined
}

/** What services say of a call today. */
export interface KnownService {
  readonly id: ServiceId
  readonly hasQueryActions: boolean
  resolve(
    method: string,
    target: Target,
  ): { action: string | undefined; among?: readonly string[] | undefined; risk: 'low' | 'medium' | 'high' } | undefined
}

const REDACTED = /hmac-sha256:/
const MAX_EXAMPLES = 20

export class DryRun {
  readonly #rule: CompiledRule
  readonly #serviceNamed: (name: string) => KnownService | undefined
  readonly #counts = { about: 0, notAbout: 0, cannotTell: 0 }
  readonly #examples: DryRunReport['examples'] = []

  constructor(rule: CompiledRule, serviceNamed: (name: string) => KnownService | undefined) {
    this.#rule = rule
    this.#serviceNamed = serviceNamed
  }

  take(recorded: RecordedCall): void {
    const said = this.#say(recorded)
    this.#counts[said] += 1
    const about = this.#examples.filter((one) => one.said === 'about').length
    const room =
      this.#examples.length < MAX_EXAMPLES && (said === 'about' || this.#examples.length - about < MAX_EXAMPLES / 2)
    if (said === 'notAbout' || !room) return
    const { rid, at, agent, service, method, path } = recorded
    this.#examples.push({ rid, at, agent, service, method, path, said: said === 'about' ? said : 'cannot tell' })
  }

  report(from: number, to: number, complete: boolean): DryRunReport {
    const { about, notAbout, cannotTell } = this.#counts
    const calls = about + notAbout + cannotTell
    return {
      effect: this.#rule.effect,
      from,
      to,
      calls,
      about,
      notAbout,
      cannotTell,
      complete,
      examples: this.#examples,
    }
  }

  #say(recorded: RecordedCall): 'about' | 'notAbout' | 'cannotTell' {
    const facts = factsOf(recorded, this.#serviceNamed(recorded.service))
    if (facts === undefined) return 'cannotTell'
    const match = this.#rule.matcher.match(new JudgedCall(facts))
    if (match === 'yes') return 'about'
    return match === 'no' ? 'notAbout' : 'cannotTell'
  }
}

/** Undefined for what cannot be read as a call any more. */
function factsOf(recorded: RecordedCall, service: KnownService | undefined): CallFacts | undefined {
  const { path, query, method, at, agent } = recorded
  let target: Target
  try {
    target = canonicalTarget(query === undefined ? path : `${path}?${query}`)
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
  const hidden = {
    path: REDACTED.test(path),
    query: new Set(
      target.pairs.filter(({ value, name }) => REDACTED.test(value) || REDACTED.test(name)).map(({ name }) => name),
    ),
  }
  const told = hidden.path || (hidden.query.size > 0 && service?.hasQueryActions === true) ? undefined : service
  const resolution = resolutionOf(told, method, target)
  return {
    now: at,
    agent,
    agentName: undefined,
    service: service?.id,
    serviceName: recorded.service,
    actions: resolution && (resolution.among ?? (resolution.action === undefined ? [] : [resolution.action])),
    risk: resolution?.risk,
    method,
    target,
    hidden,
    trust: undefined,
    findings: undefined,
    body: undefined,
  }
}

function resolutionOf(service: KnownService | undefined, method: string, target: Target) {
  try {
    return service?.resolve(method, target)
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
}
