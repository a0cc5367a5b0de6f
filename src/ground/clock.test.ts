import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { steadyClock } from './clock.ts'

const HOUR = 3_600_000

/** Both clocks as a test moves them. */
function clocks(start = Date.UTC(2026, 0, 1)) {
  let wall = start
  let mono = 1_000
  const clock = steadyClock(
    () => wall,
    () => mono,
  )
  return {
    clock,
    pass: (ms: number) => {
      wall += ms
      mono += ms
    },
    set: (ms: number) => {
      wall += ms
    },
  }
}

describe('steadyClock()', () => {
  test('goes with the wall clock', () => {
    const { clock, pass } = clocks()
    const start = clock.now()
    pass(HOUR)
    assert.equal(clock.now() - start, HOUR)
  })

  for (const [what, step] of [
    ['an hour', -HOUR],
    ['a day', -24 * HOUR],
    ['ten years', -87_660 * HOUR],
    ['to 1970', -Date.UTC(2026, 0, 1)],
  ] as const) {
    test(`set back by ${what}, revives nothing that expired (F-12)`, () => {
      const { clock, pass, set } = clocks()
      const start = clock.now()
      const expiresAt = start + 300_000
      pass(300_000)
      assert.ok(clock.now() >= expiresAt)
      set(step)
      for (let minute = 0; minute < 120; minute += 1) {
        assert.ok(clock.now() >= expiresAt - 5_000, `after ${minute} minutes`)
        pass(60_000)
      }
      // As time passed, but for what both clocks may differ in rate.
      const passed = clock.now() - start
      assert.ok(passed > 300_000 + 119 * 60_000 && passed <= 300_000 + 120 * 60_000)
    })
  }

  test('follows a jump forward, and the way back to the time before it no further than five seconds', () => {
    const { clock, pass, set } = clocks()
    const start = clock.now()
    set(HOUR)
    assert.equal(clock.now() - start, HOUR)
    set(-HOUR)
    pass(1_000)
    assert.ok(clock.now() - start >= HOUR)
  })

  test('follows what a time server sets back', () => {
    const { clock, pass, set } = clocks()
    const start = clock.now()
    set(-2_000)
    pass(10_000)
    assert.equal(clock.now() - start, 8_000)
  })

  test('many small steps back go no further than one', () => {
    const { clock, pass, set } = clocks()
    const start = clock.now()
    for (let n = 0; n < 1_000; n += 1) {
      set(-1_000)
      pass(10)
      clock.now()
    }
    assert.ok(clock.now() - start >= 10_000 * 0.9995 - 5_000)
  })
})
