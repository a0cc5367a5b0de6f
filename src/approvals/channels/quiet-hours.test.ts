import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isQuiet, isQuietHours } from './quiet-hours.ts'

const at = (time: string) => Date.parse(`2026-07-01T${time}:00Z`)

test('isQuiet() knows hours in their time zone, over midnight too', () => {
  for (const [hours, time, quiet] of [
    ['22:00-07:00 UTC', '21:59', false],
    ['22:00-07:00 UTC', '22:00', true],
    ['22:00-07:00 UTC', '00:00', true],
    ['22:00-07:00 UTC', '06:59', true],
    ['22:00-07:00 UTC', '07:00', false],
    ['12:00-13:00 UTC', '12:30', true],
    ['12:00-13:00 UTC', '13:00', false],
    ['22:00-07:00 Europe/Berlin', '20:00', true],
    ['22:00-07:00 Europe/Berlin', '05:00', false],
    ['09:00-09:00 UTC', '09:00', false],
  ] as const) {
    assert.equal(isQuiet(hours, at(time)), quiet, `${hours} at ${time}`)
  }
})

test('isQuietHours() refuses what is no hours or no time zone', () => {
  assert.ok(isQuietHours('22:00-07:00 America/New_York'))
  for (const text of ['', '22-7', '24:00-07:00 UTC', '22:00-07:00', '22:00-07:00 Nowhere/Else', '22:00-07:60 UTC']) {
    assert.ok(!isQuietHours(text), text)
  }
})
