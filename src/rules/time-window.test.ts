import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TimeWindow } from './contract.ts'
import { CompiledWindow, ZoneClock } from './time-window.ts'

const compiled = (window: TimeWindow) => new CompiledWindow(window, (zone) => new ZoneClock(zone))
const at = (text: string) => Date.parse(text)

describe('CompiledWindow', () => {
  const office: TimeWindow = {
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    from: '09:00',
    to: '17:30',
    zone: 'Europe/Berlin',
  }
  const night: TimeWindow = { days: ['fri'], from: '22:00', to: '06:00', zone: 'America/New_York' }
  const table: readonly [string, TimeWindow, string, boolean][] = [
    ['before it begins', office, '2026-01-05T07:59:59.999Z', false],
    ['as it begins', office, '2026-01-05T08:00:00Z', true],
    ['before it ends', office, '2026-01-05T16:29:59.999Z', true],
    ['as it ends', office, '2026-01-05T16:30:00Z', false],
    ['on a Sunday', office, '2026-01-04T10:00:00Z', false],
    [
      'on a Sunday in London that is a Monday in Auckland',
      { days: ['mon'], zone: 'Pacific/Auckland' },
      '2026-01-04T12:00:00Z',
      true,
    ],
    ['an hour earlier by the sun in summer', office, '2026-07-06T07:00:00Z', true],
    ['an hour later by the sun in winter', office, '2026-01-05T07:00:00Z', false],
    ['on the evening of its day', night, '2026-01-10T03:00:00Z', true],
    ['after midnight of its day', night, '2026-01-10T10:59:00Z', true],
    ['as the night ends', night, '2026-01-10T11:00:00Z', false],
    ['on the evening after', night, '2026-01-11T03:00:00Z', false],
    ['in the night before', night, '2026-01-09T10:00:00Z', false],
    ['all day without times', { zone: 'UTC' }, '2026-01-05T00:00:00Z', true],
    ['to midnight without an end', { from: '23:00', zone: 'UTC' }, '2026-01-05T23:59:59Z', true],
  ]
  for (const [what, window, when, inside] of table) {
    test(`is ${inside ? 'open' : 'shut'} ${what}`, () => {
      assert.equal(compiled(window).has(at(when)), inside)
    })
  }

  test('has no minute that the clock leaves out in spring, and has those twice that it shows twice in autumn', () => {
    const window = compiled({ from: '02:00', to: '03:00', zone: 'Europe/Berlin' })
    const minutesInside = (day: string) => {
      let count = 0
      for (let now = at(`${day}T00:00:00Z`); now < at(`${day}T00:00:00Z`) + 6 * 3_600_000; now += 60_000) {
        if (window.has(now)) count += 1
      }
      return count
    }
    assert.equal(minutesInside('2026-03-28'), 60)
    assert.equal(minutesInside('2026-03-29'), 0)
    assert.equal(minutesInside('2026-10-25'), 120)
  })

  test('follows the clock through a change inside of a window', () => {
    const window = compiled({ from: '01:00', to: '05:00', zone: 'Europe/Berlin' })
    assert.equal(window.has(at('2026-03-29T00:00:00Z')), true)
    assert.equal(window.has(at('2026-03-29T02:59:00Z')), true)
    assert.equal(window.has(at('2026-03-29T03:00:00Z')), false)
  })
})
