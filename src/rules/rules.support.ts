import { SetClock } from '../ground/clock.ts'
import type { AgentId, ServiceId } from '../ground/ids.ts'
import { canonicalTarget } from '../ground/target.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import { type RuleInput, RuleInput as RuleSchema } from './contract.ts'
import type { RuleQuestion } from './question-facts.ts'
import { createRules, type Rules } from './rules.ts'
import { rulesMigrations } from './schema.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }

/** A call of the agent `coder` to `POST /payments` of the service `bank`. */
export function question(more: Partial<RuleQuestion> & { readonly path?: string } = {}): RuleQuestion {
  const { path = '/payments', ...rest } = more
  return {
    now: Date.UTC(2026, 0, 1, 12),
    agent: { id: 'agent_1' as AgentId, name: 'coder' },
    service: { id: 'srv_bank' as ServiceId, name: 'bank' },
    resolution: { action: 'payment.create', risk: 'medium' },
    method: 'POST',
    target: canonicalTarget(path),
    findings: [],
    ...rest,
  }
}

export const json = (value: unknown) => ({ body: Buffer.from(JSON.stringify(value)) })

/** For tests: the room on a real database, which can be closed, edited by other hands and started again. */
export class TestRules {
  readonly clock = new SetClock()
  readonly database: TestDatabase = testDatabase(rulesMigrations, this.clock)
  trust: number | undefined = 5
  bad: readonly string[] = []
  changes: Change[] = []
  storage!: Storage
  rules!: Rules

  async start(): Promise<this> {
    this.storage = await this.database.open()
    this.rules = createRules({ storage: this.storage, clock: this.clock, trustOf: () => this.trust })
    this.changes = []
    this.storage.follow((change) => this.changes.push(change))
    this.bad = (await this.rules.load()).bad
    return this
  }

  /** Stops, runs SQL as somebody else who can write the file, starts again. */
  async restart(...edits: string[]): Promise<void> {
    await this.storage.close()
    for (const edit of edits) this.database.edit(edit)
    await this.start()
  }

  async end(): Promise<void> {
    await this.storage.close()
    this.database.remove()
  }

  async add(input: RuleInput) {
    return this.rules.add(RuleSchema.parse(input), by)
  }

  /** The effect, or that the body is wanted. */
  says(more: Parameters<typeof question>[0] = {}): string {
    const verdict = this.rules.judge(question(more))
    return verdict === 'needs_body' ? verdict : verdict.effect
  }
}
