import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../../ground/clock.ts'
import type { AgentId } from '../../ground/ids.ts'
import { RateTable } from '../../identity/sign-ins/rate-table.ts'
import type { Revocation } from './contract.ts'
import { displacedBy, MOST, OwnRevocations } from './own-revocations.ts'
import { revocationId } from './vault-book.ts'

const agent = 'agent_a' as AgentId
const MINUTE = 60_000
const row = (value: string, at: number, kind: Revocation['kind'] = 'session'): Revocation => {
  return { id: revocationId(kind, value, agent), kind, value, agent, reason: '', at }
}
const limited = (error: unknown) => (error as { error?: string }).error === 'RATE_LIMITED'

describe('displacedBy()', () => {
  const full = [row(agent, 0, 'agent'), ...Array.from({ length: MOST }, (_, n) => row(`s${n}`, n))]
  const settled = 16 * MINUTE + MOST

  test('lets nothing go while there is room, nor for what is there already', () => {
    assert.deepEqual(displacedBy([row('new', 0)], full.slice(0, MOST), settled), [])
    assert.deepEqual(displacedBy([row('s7', 0)], full, 0), [])
    assert.deepEqual(displacedBy([row(agent, 0, 'agent')], full, 0), [])
    assert.deepEqual(displacedBy([], full, 0), [])
  })

  test('lets the oldest go once no token of theirs can be left, and nothing before', () => {
    const both = [row('new', settled), row('new', settled, 'task')]
    assert.deepEqual(
      displacedBy(both, full, settled).map(({ value }) => value),
      ['s0', 's1'],
    )
    assert.throws(() => displacedBy([row('new', 1)], full, 16 * MINUTE - 1), limited)
    assert.throws(() => displacedBy(both, full, 16 * MINUTE), limited)
    assert.equal(displacedBy([row('new', 1)], full, 16 * MINUTE).length, 1)
  })
})

describe('OwnRevocations', () => {
  test('limits each agent by itself', () => {
    const clock = new SetClock()
    const own = new OwnRevocations(new RateTable(clock, { most: 2, windowMs: MINUTE }))
    own.take(agent)
    own.take(agent)
    assert.throws(() => own.take(agent), limited)
    own.take('agent_b' as AgentId)
    clock.advance(MINUTE)
    own.take(agent)
  })

  test('does one thing of an agent at a time, also after one that failed', async () => {
    const own = new OwnRevocations(new RateTable(new SetClock(), undefined))
    const done: string[] = []
    const work = (name: string) => async () => {
      done.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      done.push(`${name} ends`)
      if (name === 'bad') throw new Error(name)
    }
    const all = ['one', 'bad', 'two'].map((name) => own.inTurn(agent, work(name)))
    const outcomes = await Promise.allSettled(all)
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(
      done,
      ['one', 'bad', 'two'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    )
  })
})
