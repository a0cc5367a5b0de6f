import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StatedAction } from '../action.ts'
import { aCallAction } from '../approvals.support.ts'
import { isDue, type Times } from './due.ts'
import { mayTap } from './may-tap.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const NIGHT = Date.UTC(2026, 10, 21, 23)
const HOURS = '22:00-07:00 UTC'
const none: Times = { quiet: undefined, breaks: 'critical', escalateSeconds: 0 }

const of = (risk: 'low' | 'medium' | 'high', openedAt: number) => ({ openedAt, action: aCallAction({ risk }) })
const critical = (openedAt: number) => {
  const { install, agent, terms } = aCallAction()
  const stated = { kind: 'stated', action: 'shell.exec', context: '{}', payloadHash: 'ab', request: '1' } as const
  return { openedAt, action: { ...stated, install, agent, terms, risk: 'critical' } as StatedAction }
}
const own = (quiet?: string, afterSeconds?: number) => ({ quiet, afterSeconds })

describe('isDue()', () => {
  const quiet: Times = { ...none, quiet: HOURS }
  const cases: readonly [string, boolean, boolean][] = [
    ['at noon', isDue(of('low', NOON), own(), { times: quiet, turn: 0 }, NOON), true],
    ['in the quiet hours of all', isDue(of('high', NIGHT), own(), { times: quiet, turn: 0 }, NIGHT), false],
    ['critical in quiet hours', isDue(critical(NIGHT), own(), { times: quiet, turn: 0 }, NIGHT), true],
    [
      'high risk, where that wakes people',
      isDue(of('high', NIGHT), own(), { times: { ...quiet, breaks: 'high' }, turn: 0 }, NIGHT),
      true,
    ],
    [
      'medium risk, where high risk wakes people',
      isDue(of('medium', NIGHT), own(), { times: { ...quiet, breaks: 'high' }, turn: 0 }, NIGHT),
      false,
    ],
    [
      'critical, where nothing wakes people',
      isDue(critical(NIGHT), own(), { times: { ...quiet, breaks: 'none' }, turn: 0 }, NIGHT),
      false,
    ],
    [
      'in hours of its own, which count in place of those of all',
      isDue(of('low', NIGHT), own('11:00-13:00 UTC'), { times: quiet, turn: 0 }, NIGHT),
      true,
    ],
    ['never quiet', isDue(of('low', NIGHT), own('never'), { times: quiet, turn: 0 }, NIGHT), true],
    ['the morning after', isDue(of('low', NIGHT), own(), { times: quiet, turn: 0 }, NIGHT + 8 * 3_600_000), true],
  ]
  for (const [what, is, wanted] of cases) test(`is ${wanted} ${what}`, () => assert.equal(is, wanted))

  test('tells one channel after the other, but for those that say when', () => {
    const times = { ...none, escalateSeconds: 300 }
    const due = (turn: number, seconds: number, after?: number) =>
      isDue(of('low', NOON), own(undefined, after), { times, turn }, NOON + seconds * 1_000)
    assert.deepEqual([due(0, 0), due(1, 299), due(1, 300), due(2, 599), due(2, 600)], [true, false, true, false, true])
    assert.deepEqual([due(2, 0, 0), due(0, 10, 60), due(0, 60, 60)], [true, false, true])
  })
})

describe('mayTap()', () => {
  const tap = { assurance: 'tap', lifeSeconds: 900, uses: 1 } as const
  test('takes a tap of low risk alone, and only where a tap is enough (G-06, G-09)', () => {
    assert.ok(mayTap({ action: aCallAction({ risk: 'low', terms: tap }) }))
    for (const risk of ['medium', 'high'] as const) assert.ok(!mayTap({ action: aCallAction({ risk, terms: tap }) }))
    for (const assurance of ['push', 'passkey', 'two-people'] as const)
      assert.ok(!mayTap({ action: aCallAction({ risk: 'low', terms: { ...tap, assurance } }) }))
    const { install, agent, service, origin, method } = aCallAction()
    const window = { ...{ install, agent, service, origin, method }, kind: 'window', risk: 'low', rules: [] } as const
    assert.ok(!mayTap({ action: { ...window, first: 'ab'.repeat(32), terms: tap } }), 'many calls')
    assert.ok(!mayTap({ action: { ...critical(0).action, risk: 'low', terms: tap } }), 'in the words of the agent')
  })
})
