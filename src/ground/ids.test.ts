import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { firstIdAt, newId, newOrderedId } from './ids.ts'

describe('an id', () => {
  test('is a prefix and 22 characters, of either kind, and never the same twice', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) =>
      i % 2 === 0 ? newId('ses') : newOrderedId('ses', 1_800_000_000_000),
    )
    for (const id of ids) assert.match(id, /^ses_[0-9A-Za-z]{22}$/)
    assert.equal(new Set(ids).size, ids.length)
  })

  test('that is ordered sorts by the time it was made, to the millisecond', () => {
    const times = [0, 1, 999, 1_800_000_000_000, 1_800_000_000_001, 1_800_000_000_063, 2 ** 48 - 1]
    const ids = times.map((now) => newOrderedId('chal', now))
    assert.deepEqual(ids.toSorted(), ids)
  })

  test('is divided from older ones by the first of its time', () => {
    const now = 1_800_000_000_000
    assert.ok(newOrderedId('chal', now - 1) < firstIdAt('chal', now))
    assert.ok(newOrderedId('chal', now) >= firstIdAt('chal', now))
  })
})
