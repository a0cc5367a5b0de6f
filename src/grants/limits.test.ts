import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SetClock } from '../ground/clock.ts'
import type { GrantId } from '../ground/ids.ts'
import { RateLimits } from './limits.ts'

const id = 'grt_1' as GrantId

describe('RateLimits', () => {
  test('allows rpm calls in a minute, then says how long to wait', () => {
    const clock = new SetClock()
    const limits = new RateLimits(clock)
    const grant = { id, rpm: 2 }
    assert.equal(limits.take(grant), true)
    clock.advance(10_000)
    assert.equal(limits.take(grant), true)
    assert.equal(limits.take(grant), false)
    assert.equal(limits.waitMs(grant), 50_000)
    clock.advance(50_000)
    assert.equal(limits.waitMs(grant), 0)
    assert.deepEqual([limits.take(grant), limits.take(grant)], [true, false])
    assert.equal(limits.waitMs(grant), 10_000)
  })

  test('looking takes nothing, none means no bound, zero means no call', () => {
    const limits = new RateLimits(new SetClock())
    for (let n = 0; n < 10; n++) assert.equal(limits.waitMs({ id, rpm: 1 }), 0)
    for (let n = 0; n < 1_000; n++) assert.equal(limits.take({ id, rpm: undefined }), true)
    assert.equal(limits.take({ id, rpm: 0 }), false)
    assert.equal(limits.waitMs({ id, rpm: 0 }), Number.POSITIVE_INFINITY)
  })

  test('a jump of the wall clock gives no calls', () => {
    const clock = new SetClock()
    const limits = new RateLimits(clock)
    limits.take({ id, rpm: 1 })
    clock.jumpTo(clock.now() + 86_400_000)
    assert.equal(limits.take({ id, rpm: 1 }), false)
  })

  test('grants do not share, and a forgotten one begins anew', () => {
    const limits = new RateLimits(new SetClock())
    limits.take({ id, rpm: 1 })
    assert.equal(limits.take({ id: 'grt_2' as GrantId, rpm: 1 }), true)
    limits.forget(id)
    assert.equal(limits.take({ id, rpm: 1 }), true)
  })

  test('never more than rpm in any 60 seconds, and never fewer than asked for within it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 60 }),
        (rpm, waits) => {
          const clock = new SetClock()
          const limits = new RateLimits(clock)
          const taken: number[] = []
          for (const wait of waits) {
            clock.advance(wait)
            const recent = taken.filter((time) => time > clock.mono() - 60_000).length
            assert.equal(limits.take({ id, rpm }), recent < rpm)
            if (recent < rpm) taken.push(clock.mono())
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
