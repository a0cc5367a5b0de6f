import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { AgentId } from '../ground/ids.ts'
import { Budgets } from './budgets.ts'
import type { Budget } from './contract.ts'
import { Prices } from './prices.ts'
import { windowEnd, windowStart } from './window-start.ts'

const A = 'agent_a' as AgentId
const nothing = { tokens: 0, money: 0 }
const tokens = (count: number, money: number | undefined = count) => ({ tokens: count, money })
const exceeded = { code: 'llm_budget_exceeded' }

function roomOf(...budgets: Partial<Budget>[]) {
  const clock = new SetClock()
  const room = new Budgets(clock)
  budgets.forEach((budget, at) => {
    room.put({
      id: `bud_${at}`,
      agent: A,
      vendor: undefined,
      unit: 'tokens',
      amount: 100,
      per: 'day',
      cut: false,
      ...budget,
    })
  })
  const left = (at = 0) => room.list()[at]!.amount - room.list()[at]!.spent
  return { room, clock, left }
}

describe('Budgets.take()', () => {
  test('lets so many at once take what there is, and never more', () => {
    const { room, left } = roomOf({ amount: 100 })
    const taken = Array.from({ length: 10 }, () => room.take(A, 'openai', tokens(4), tokens(6)))
    assert.throws(() => room.take(A, 'openai', tokens(1), nothing), exceeded)
    for (const one of taken) one!.settle(tokens(3))
    assert.equal(left(), 70)
    assert.ok(room.take(A, 'openai', tokens(70), nothing))
    assert.throws(() => room.take(A, 'openai', tokens(1), nothing), exceeded)
  })

  test('counts against all that fit, or against none', () => {
    const { room, left } = roomOf({ unit: 'requests', amount: 1 }, { agent: undefined, vendor: 'openai', amount: 50 })
    assert.throws(() => room.take(A, 'openai', tokens(51), nothing), exceeded)
    const one = room.take(A, 'openai', tokens(10), nothing)!
    assert.throws(() => room.take(A, 'groq', nothing, nothing), exceeded)
    one.settle(tokens(10))
    assert.deepEqual([left(0), left(1)], [0, 40])
    assert.equal(room.take('agent_b' as AgentId, 'groq', tokens(1_000), nothing), undefined)
  })

  test('counts at one vendor alone where it names one', () => {
    const { room } = roomOf({ vendor: 'openai', amount: 5 })
    assert.equal(room.counts(A, 'groq'), false)
    assert.throws(() => room.take(A, 'openai', tokens(6), nothing), exceeded)
  })

  test('refuses money that nobody knows the price of', () => {
    const { room } = roomOf({ unit: 'money', amount: 100 })
    assert.throws(() => room.take(A, 'openai', { tokens: 5, money: undefined }, nothing), { code: 'llm_not_allowed' })
    assert.ok(room.take(A, 'openai', tokens(5, 60), tokens(5, 40)))
    assert.throws(() => room.take(A, 'openai', tokens(5, 1), nothing), exceeded)
  })

  test('goes on counting what runs while its budget is changed', () => {
    const { room, left } = roomOf({ amount: 100 })
    const running = room.take(A, 'openai', tokens(30), tokens(30))!
    const changed = { id: 'bud_0', agent: A, vendor: undefined, unit: 'tokens', per: 'day', cut: true } as const
    room.put({ ...changed, amount: 90 })
    assert.throws(() => room.take(A, 'openai', tokens(31), nothing), exceeded)
    assert.equal(running.grow(tokens(31)), false)
    running.settle(tokens(50))
    assert.equal(left(), 40)
    assert.deepEqual(
      room.takeMoved().map(({ budget, spent }) => [budget, spent]),
      [['bud_0', 50]],
    )
    assert.ok(room.take(A, 'openai', tokens(40), nothing))
  })

  test('is settled in its own unit and time by what ran before it was changed', () => {
    const { room, left } = roomOf({ amount: 100 })
    const [one, other, unsent] = [0, 1, 2].map(() => room.take(A, 'openai', tokens(30), nothing)!)
    const changed = { id: 'bud_0', agent: A, vendor: undefined, cut: false } as const
    room.put({ ...changed, unit: 'tokens', amount: 100, per: 'month' })
    assert.throws(() => room.take(A, 'openai', tokens(11), nothing), exceeded)
    one!.settle(tokens(20))
    assert.equal(left(), 80)
    room.put({ ...changed, unit: 'requests', amount: 5, per: 'day' })
    other!.settle(tokens(30))
    unsent!.giveBack()
    assert.equal(left(), 4)
  })

  test('gives back what was never sent, and once', () => {
    const { room, left } = roomOf({ unit: 'requests', amount: 1 })
    const one = room.take(A, 'openai', nothing, nothing)!
    one.giveBack()
    one.settle(nothing)
    assert.equal(left(), 1)
    room.take(A, 'openai', nothing, nothing)!.settleWhole()
    assert.equal(left(), 0)
  })

  test('begins anew with the next hour, day or month', () => {
    const { room, clock } = roomOf({ unit: 'requests', amount: 1, per: 'hour' })
    room.take(A, 'openai', nothing, nothing)!.settle(nothing)
    assert.throws(() => room.take(A, 'openai', nothing, nothing), exceeded)
    clock.advance(3_600_000)
    assert.ok(room.take(A, 'openai', nothing, nothing))
  })

  test('lets an answer grow, but not beyond a budget that cuts', () => {
    const { room } = roomOf({ amount: 20, cut: true })
    const one = room.take(A, 'openai', tokens(5), tokens(10))!
    assert.equal(one.grow(tokens(6)), false)
    assert.equal(one.grow(tokens(5)), true)
    assert.equal(one.tokens, 20)
  })

  test('gives nothing while somebody edited a budget', () => {
    const { room } = roomOf()
    room.doubt()
    assert.throws(() => room.take('agent_b' as AgentId, 'openai', nothing, nothing), exceeded)
  })
})

test('a month is as long as it is', () => {
  const at = Date.UTC(2027, 1, 14, 5)
  assert.deepEqual([windowStart('month', at), windowEnd('month', at)], [Date.UTC(2027, 1, 1), Date.UTC(2027, 2, 1)])
  assert.deepEqual([windowStart('day', at), windowEnd('hour', at)], [Date.UTC(2027, 1, 14), at + 3_600_000])
})

test('Prices that are usual are of one model alone, whatever its date', () => {
  const prices = new Prices()
  for (const suffix of ['', '-2025-12-11', '-20251211', '-latest']) assert.ok(prices.find('openai', `gpt-5.2${suffix}`))
  for (const model of [
    'gpt-5.2-pro',
    'gpt-5-pro',
    'o3-pro',
    'o3-deep-research',
    'gpt-5.2-2025-12-11-pro',
    'gpt-5.20',
  ]) {
    assert.equal(prices.find('openai', model), undefined, model)
  }
  prices.put({ vendor: 'openai', model: 'gpt-5.2', input: 30, output: 200 })
  assert.equal(prices.find('openai', 'gpt-5.2-pro')?.output, 200)
  assert.ok(prices.find('ollama', 'whatever:7b'))
})

test('Prices go by the longest beginning of a name, and by what an operator said first', () => {
  const prices = new Prices()
  assert.deepEqual(prices.find('openai', 'gpt-5-mini-2025-08-07')?.input, 0.25)
  assert.equal(prices.find('openai', 'unheard-of'), undefined)
  prices.put({ vendor: 'openai', model: 'gpt-5-mini', input: 7, output: 8 })
  assert.deepEqual(prices.find('openai', 'gpt-5-mini-2025-08-07')?.input, 7)
  prices.remove('openai/gpt-5-mini')
  assert.deepEqual(prices.find('openai', 'gpt-5-mini-2025-08-07')?.input, 0.25)
})
