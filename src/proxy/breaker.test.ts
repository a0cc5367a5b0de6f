import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { ServiceId } from '../ground/ids.ts'
import { createBreakers } from './breaker.ts'
import { createSilenceWatch, type Watched } from './silence.ts'

const id = 'srv_1' as ServiceId

function failing(times: number, clock = new SetClock()) {
  const breaker = createBreakers({ clock }).of(id)
  for (let i = 0; i < times; i++) {
    breaker.enter()
    breaker.leave('failed')
  }
  return { breaker, clock }
}

describe('createBreakers()', () => {
  test('rests after no more than 20 failures in a row', () => {
    const { breaker } = failing(16)
    assert.equal(breaker.state, 'open')
    assert.throws(() => breaker.enter(), { code: 'service_resting', status: 503, facts: { retryAfterSeconds: 5 } })
  })

  test('counts failures in a row only, and no calls that say nothing', () => {
    const { breaker } = failing(15)
    for (const end of ['neutral', 'answered'] as const) {
      breaker.enter()
      breaker.leave(end)
    }
    for (let i = 0; i < 15; i++) {
      breaker.enter()
      breaker.leave('failed')
    }
    assert.equal(breaker.state, 'closed')
  })

  test('lets one probe through, then all', () => {
    const { breaker, clock } = failing(16)
    clock.advance(5_000)
    assert.equal(breaker.state, 'half-open')
    breaker.enter()
    assert.throws(() => breaker.enter(), { code: 'service_resting' })
    breaker.leave('answered')
    assert.equal(breaker.state, 'closed')
    breaker.enter()
  })

  test('rests longer when the probe fails, up to a minute', () => {
    const { breaker, clock } = failing(16)
    for (const restMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      clock.advance(restMs - 1)
      assert.throws(() => breaker.enter(), { code: 'service_resting' })
      clock.advance(1)
      breaker.enter()
      breaker.leave('failed')
    }
  })

  test('tries another probe when one was called off', () => {
    const { breaker, clock } = failing(16)
    clock.advance(5_000)
    breaker.enter()
    breaker.leave('neutral')
    breaker.enter()
  })

  test('caps the running calls of one service and of no other', () => {
    const breakers = createBreakers({ inFlight: 2 })
    breakers.of(id).enter()
    breakers.of(id).enter()
    assert.throws(() => breakers.of(id).enter(), { code: 'service_busy', status: 503, facts: { retryAfterSeconds: 1 } })
    breakers.of('srv_2' as ServiceId).enter()
    breakers.of(id).leave('answered')
    breakers.of(id).enter()
    assert.equal(breakers.of(id).running, 2)
  })
})

describe('createSilenceWatch()', () => {
  test('finds what was silent for longer than it may, and nothing else', () => {
    const clock = new SetClock()
    const watch = createSilenceWatch(clock, 500)
    const found: string[] = []
    const make = (name: string, limit: number): Watched => ({
      movedAt: watch.now,
      place: -1,
      limitMs: () => limit,
      silent: () => found.push(name),
    })
    const quick = make('quick', 1_000)
    const slow = make('slow', 3_000)
    const gone = make('gone', 1_000)
    for (const one of [quick, slow, gone]) watch.add(one)
    watch.remove(gone)
    watch.remove(gone)
    for (let i = 0; i < 3; i++) {
      clock.advance(500)
      watch.look()
    }
    assert.deepEqual(found, [], 'the time of the last look gets its slack')
    clock.advance(500)
    watch.look()
    assert.deepEqual(found, ['quick'])
    watch.remove(quick)
    clock.advance(3_600_000)
    watch.look()
    assert.deepEqual(found, ['quick', 'slow'])
    watch.stop()
  })
})
