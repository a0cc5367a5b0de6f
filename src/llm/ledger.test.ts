import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { AgentId } from '../ground/ids.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Actor, Storage } from '../storage/storage.ts'
import type { Budget, UsageRow } from './contract.ts'
import { Ledger } from './ledger.ts'
import { llmMigrations } from './schema.ts'

const DAY_MS = 86_400_000
const A = 'agent_a' as AgentId
const by: Actor = { kind: 'operator', id: 'op_tester' }
const budget: Budget = {
  id: 'bud_1',
  agent: A,
  vendor: undefined,
  unit: 'tokens',
  amount: 100,
  per: 'ever',
  cut: false,
}
const exceeded = { code: 'llm_budget_exceeded' }
const tokens = (count: number) => ({ tokens: count, money: 0 })

let clock: SetClock
let database: TestDatabase
let storage: Storage
let ledger: Ledger
beforeEach(async () => {
  clock = new SetClock()
  database = testDatabase(llmMigrations, clock)
  await open()
})
afterEach(async () => {
  await storage.close()
  database.remove()
})

async function open(): Promise<readonly string[]> {
  storage = await database.open()
  storage.recordWith(async () => 1)
  ledger = new Ledger({ storage, clock, keepDays: 2 }, () => {})
  return ledger.load()
}

async function reopen(edit?: string): Promise<readonly string[]> {
  await ledger.flush()
  await storage.close()
  if (edit !== undefined) database.edit(edit)
  return open()
}

const row = (rid: string): UsageRow => ({
  ...{ rid, at: clock.now(), agent: A, vendor: 'openai', key: undefined, status: 200, model: 'gpt-5.2' },
  ...{ tokensIn: 1, tokensOut: 2, cost: undefined, ms: 3, bytesIn: 4, bytesOut: 5, aborted: false, estimated: true },
})
const kept = async () => (await ledger.usage({ limit: 10 })).rows.map(({ rid }) => rid)

describe('Ledger', () => {
  test('keeps what calls took over a restart, as it was, and for as long as it is told to (BM-12)', async () => {
    const one = row('call_1')
    ledger.add(one)
    await reopen()
    assert.deepEqual((await ledger.usage({ limit: 1 })).rows, [one])
    clock.advance(1.5 * DAY_MS)
    ledger.add(row('call_2'))
    assert.deepEqual(await kept(), ['call_2', 'call_1'])
    clock.advance(DAY_MS)
    await ledger.flush()
    assert.deepEqual(await kept(), ['call_2'])
    assert.equal((await ledger.usage({ limit: 1, vendor: 'groq' })).totals.requests, 0)
  })

  test('keeps what was spent over a restart', async () => {
    await ledger.putBudget(budget, by)
    ledger.budgets.take(A, 'openai', tokens(90), tokens(0))?.settle(tokens(80))
    assert.deepEqual(await reopen(), [])
    assert.throws(() => ledger.budgets.take(A, 'openai', tokens(21), tokens(0)), exceeded)
    assert.ok(ledger.budgets.take(A, 'openai', tokens(20), tokens(0)))
  })

  for (const edit of ['update llm_spent set spent = 0', 'update llm_budgets set amount = 1000000']) {
    test(`lets nothing pass after other hands did: ${edit}`, async () => {
      await ledger.putBudget(budget, by)
      ledger.budgets.take(A, 'openai', tokens(90), tokens(0))?.settle(tokens(80))
      assert.deepEqual(await reopen(edit), ['bud_1'])
      assert.throws(() => ledger.budgets.take(A, 'openai', tokens(1), tokens(0)), exceeded)
    })
  }
})
