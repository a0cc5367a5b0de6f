import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { CredentialId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import { OpenedCache } from './opened-cache.ts'

const opened = (id: string, version = 1) => ({
  id: id as CredentialId,
  handle: id,
  version,
  value: Secret.fromText('canary'),
})
const isWiped = (each: { value: Secret }) => each.value.reveal().equals(Buffer.alloc(6))

describe('OpenedCache', () => {
  test('zeroes what was not used for 60 s by itself, and keeps what was', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const clock = new SetClock()
    const cache = new OpenedCache(clock)
    const [idle, busy] = [cache.keep(opened('crd_1')), cache.keep(opened('crd_2'))]
    for (let second = 0; second < 60; second += 5) {
      assert.equal(cache.use(busy.id, 1), busy)
      clock.advance(5_000)
      t.mock.timers.tick(5_000)
    }
    assert.deepEqual([isWiped(idle), isWiped(busy)], [true, false])
  })

  test('does not give what is too old, even before it was swept', () => {
    const clock = new SetClock()
    const cache = new OpenedCache(clock)
    const old = cache.keep(opened('crd_1'))
    clock.advance(60_000)
    assert.equal(cache.use(old.id, 1), undefined)
    assert.ok(isWiped(old))
  })

  test('does not give another version', () => {
    const cache = new OpenedCache(new SetClock())
    const old = cache.keep(opened('crd_1'))
    assert.equal(cache.use(old.id, 2), undefined)
    assert.ok(isWiped(old))
  })

  test('zeroes what is dropped, replaced or cleared', () => {
    const cache = new OpenedCache(new SetClock())
    const [one, two, three] = [opened('crd_1'), opened('crd_2'), opened('crd_1', 2)]
    for (const each of [one, two, three]) cache.keep(each)
    assert.deepEqual([one, two, three].map(isWiped), [true, false, false])
    cache.drop(three.id)
    cache.drop(three.id)
    assert.deepEqual([two, three].map(isWiped), [false, true])
    cache.clear()
    assert.ok(isWiped(two))
  })
})
