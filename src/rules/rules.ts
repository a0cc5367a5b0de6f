import type { Clock } from '../ground/clock.ts'
import { type AgentId, newId } from '../ground/ids.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import { type CompiledRule, compileRule } from './compile-rule.ts'
import {
  type CallFacts,
  type RuleDefinition,
  type RuleEffect,
  type RuleId,
  type RuleVerdict,
  ruleProblem,
} from './contract.ts'
import { JudgedCall, judgeBy, judgeTunnel, type TunnelVerdict } from './judge.ts'
import type { Match, TunnelFacts } from './match.ts'
import { QuestionFacts, type RuleQuestion } from './question-facts.ts'
import { RuleIndex } from './rule-index.ts'
import { countRules, loadRules, named, putDefault, putRule, type RuleRecord, removeRule } from './store.ts'
import { ZoneClock } from './time-window.ts'

export const MAX_RULES = 10_000

export interface RulesOptions {
  readonly storage: Storage
  readonly clock: Clock
  /** What is thought of an agent, 0 to 10; undefined where that is not known. From memory. */
  readonly trustOf?: (agent: AgentId) => number | undefined
}

export interface ExplainedRule {
  readonly rule: RuleRecord
  readonly match: Match
  readonly parts: Readonly<Record<string, Match>>
}

/**
 * What is refused and what a human is asked about: a set of rules without an order.
 *
 * Owns: the tables `rules` and `rule_settings`, the compiled rules that calls are judged with.
 * Invariant: deny beats ask, ask beats allow; a rule of which it is not known whether it is about a call is about it,
 * unless it allows. As long as one row is not believed, or none was read yet, everything is denied: it may have denied.
 * Refuses: what does not compile, to change a call, to know whether somebody was asked.
 */
export class Rules {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #trustOf: (agent: AgentId) => number | undefined
  readonly #byId = new Map<RuleId, CompiledRule>()
  readonly #zones = new Map<string, ZoneClock>()
  readonly #bad = new Set<string>()
  #index = new RuleIndex([])
  #default: RuleEffect = 'deny'
  #state = 0
  #loaded = false

  constructor({ storage, clock, trustOf = () => undefined }: RulesOptions) {
    this.#storage = storage
    this.#clock = clock
    this.#trustOf = trustOf
    storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of rows that are not believed or do not compile any more: until they are replaced or
   * removed, everything is denied. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { records, byDefault, bad } = await loadRules(this.#storage)
    const compiled = await Promise.all(
      records.map((record) =>
        this.compile(record).catch(() => {
          bad.push(record.id)
          return undefined
        }),
      ),
    )
    this.clear()
    for (const rule of compiled) if (rule !== undefined) this.#byId.set(rule.record.id, rule)
    for (const id of bad) this.#bad.add(id)
    this.#default = byDefault
    this.#index = new RuleIndex(this.#byId.values())
    this.#loaded = true
    this.#state += 1
    return { bad }
  }

  /** At sealing. */
  clear(): void {
    this.#loaded = false
    this.#state += 1
    this.#byId.clear()
    this.#bad.clear()
    this.#default = 'deny'
    this.#index = new RuleIndex([])
  }

  get count(): number {
    return this.#byId.size
  }

  /** Another number after every change of what is said of any call. */
  get state(): number {
    return this.#state
  }

  /** What holds for a call that no rule is about. */
  get byDefault(): RuleEffect {
    return this.#default
  }

  /** By name. */
  list(): readonly RuleRecord[] {
    const all = Array.from(this.#byId.values(), ({ record }) => record)
    return all.sort((one, other) => (one.definition.name < other.definition.name ? -1 : 1))
  }

  /** By name or id. Throws Problem `rule_unknown`. */
  find(nameOrId: string): RuleRecord {
    const found = this.#byId.get(nameOrId as RuleId) ?? this.#named(nameOrId)
    if (found === undefined) throw ruleProblem('rule_unknown', { facts: { rule: nameOrId } })
    return found.record
  }

  /** What the rules say of a call. `needs_body`: ask again with its contents. From memory; the same for every order of rules. */
  judge(question: RuleQuestion): RuleVerdict | 'needs_body' {
    if (!this.#loaded || this.#bad.size > 0) return this.#refusal()
    const rules = this.#index.about(question.service.id, question.method)
    if (rules.length === 0) return judgeBy(rules, nothing, this.#default)
    return judgeBy(rules, this.#facts(question), this.#default)
  }

  /** Whether a tunnel to a host that no service names is passed through untouched. From memory. */
  tunnel(asked: Omit<TunnelFacts, 'trust'>): TunnelVerdict {
    if (!this.#loaded || this.#bad.size > 0) return { ...this.#refusal(), effect: 'deny', addresses: undefined }
    return judgeTunnel(this.#index.tunnels, { ...asked, trust: this.#trustOf(asked.agent) })
  }

  /** The rules that may be about the call by service and method, each with whether it is, and what of it. */
  explain(question: RuleQuestion): readonly ExplainedRule[] {
    const judged = new JudgedCall(this.#facts(question))
    const rules = this.#index.about(question.service.id, question.method)
    return rules.map(({ record, matcher }) => ({
      rule: record,
      match: matcher.match(judged),
      parts: matcher.parts(judged),
    }))
  }

  /** Compiled and not kept. Rejects as add() does. */
  compile(record: RuleRecord): Promise<CompiledRule> {
    return compileRule(record, (zone) => this.#clockOf(zone))
  }

  /** Rejects with Problem `rule_exists`, `rules_full`, and as compileRule() does. */
  async add(definition: RuleDefinition, by: Actor): Promise<RuleRecord> {
    const now = this.#clock.now()
    const record: RuleRecord = { id: newId('rul'), version: 1, definition, createdAt: now, updatedAt: now }
    const rule = await this.compile(record)
    await this.#storage.write(async (tx) => {
      if ((await named(tx, definition.name)) !== undefined) {
        throw ruleProblem('rule_exists', { facts: { rule: definition.name } })
      }
      if ((await countRules(tx)) >= MAX_RULES) throw ruleProblem('rules_full', { facts: { most: MAX_RULES } })
      await putRule(tx, record)
      await tx.change({ kind: 'rule', ref: record.id, after: { rule }, record: recordOf('added', record, by) })
    })
    return record
  }

  /**
   * Puts another definition in the place of a rule, under the same id and the next version. Rejects with Problem
   * `rule_unknown`, `rule_exists` (the new name is another's), and as compileRule() does.
   */
  async replace(nameOrId: string, definition: RuleDefinition, by: Actor): Promise<RuleRecord> {
    const { id, createdAt } = this.find(nameOrId)
    const updatedAt = this.#clock.now()
    const compiled = await this.compile({ id, version: 1, definition, createdAt, updatedAt })
    return this.#storage.write(async (tx) => {
      const same = await named(tx, definition.name)
      if (same !== undefined && same.id !== id) throw ruleProblem('rule_exists', { facts: { rule: definition.name } })
      const old = this.#byId.get(id)
      if (old === undefined) throw ruleProblem('rule_unknown', { facts: { rule: nameOrId } })
      const before = (await tx.get<{ version: number }>('rules', id))?.version ?? old.record.version
      const record: RuleRecord = { id, version: before + 1, definition, createdAt, updatedAt }
      const ref = Object.freeze({ id, name: definition.name, version: record.version })
      const rule: CompiledRule = { ...compiled, record, ref }
      await putRule(tx, record)
      await tx.change({ kind: 'rule', ref: id, after: { rule }, record: recordOf('changed', record, by) })
      return record
    })
  }

  /** One that is not believed goes by its id. Throws Problem `rule_unknown`. */
  async remove(nameOrId: string, by: Actor): Promise<void> {
    const id = this.#bad.has(nameOrId) ? nameOrId : this.find(nameOrId).id
    const name = this.#byId.get(id as RuleId)?.ref.name
    await this.#storage.write(async (tx) => {
      await removeRule(tx, id)
      const record = { type: 'rule.removed', actor: by, ev: { id, name } }
      await tx.change({ kind: 'rule', ref: id, after: {}, record })
    })
  }

  /** What is to hold for a call that no rule is about. */
  async setDefault(effect: RuleEffect, by: Actor): Promise<void> {
    await this.#storage.write(async (tx) => {
      await putDefault(tx, effect)
      const record = { type: 'rule.default', actor: by, ev: { effect } }
      await tx.change({ kind: 'rule_default', ref: 'default', after: { effect }, record })
    })
  }

  #facts(question: RuleQuestion): CallFacts {
    return new QuestionFacts(question, this.#trustOf)
  }

  #named(name: string): CompiledRule | undefined {
    for (const rule of this.#byId.values()) if (rule.ref.name === name) return rule
    return undefined
  }

  #refusal(): RuleVerdict {
    return { effect: 'deny', rules: [...this.#bad].map((id) => ({ id, name: id, version: 0 })) }
  }

  #clockOf(zone: string): ZoneClock {
    let clock = this.#zones.get(zone)
    if (clock === undefined) {
      clock = new ZoneClock(zone)
      this.#zones.set(zone, clock)
    }
    return clock
  }

  #follow({ kind, ref, after }: Change): void {
    if (kind === 'rule' || kind === 'rule_default') this.#state += 1
    if (kind === 'rule_default') {
      this.#default = (after as { effect: RuleEffect }).effect
      this.#bad.delete(ref)
    }
    if (kind !== 'rule') return
    const { rule } = (after ?? {}) as { rule?: CompiledRule }
    this.#bad.delete(ref)
    if (rule === undefined) this.#byId.delete(ref as RuleId)
    else this.#byId.set(rule.record.id, rule)
    this.#index = new RuleIndex(this.#byId.values())
  }
}

export function createRules(options: RulesOptions): Rules {
  return new Rules(options)
}

const nothing = {} as CallFacts

function recordOf(what: 'added' | 'changed', { id, version, definition }: RuleRecord, actor: Actor) {
  const { name, effect } = definition
  return { type: `rule.${what}`, actor, ev: { id, name, version, effect, rule: JSON.stringify(definition) } }
}
