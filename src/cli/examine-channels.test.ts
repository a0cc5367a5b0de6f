import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelFindings } from './examine-channels.ts'

test('channelFindings() says whether anybody would be told, what fails, and what is meant for others', () => {
  const of = (count: number, people: number, failing: string[] = [], foreign = 0) =>
    channelFindings({ count, people, failing, foreign }).map(({ state, says }) => `${state}: ${says}`)
  assert.deepEqual(of(0, 0), ['note: none: nobody is told when something must be approved'])
  assert.deepEqual(of(1, 0), ['note: 1, and they reach nobody'])
  assert.deepEqual(of(1, 2), ['ok: 1, for 2'])
  assert.deepEqual(of(1, 2, ['telegram'], 3), [
    'note: nothing gets through: telegram',
    'note: 3 taps were meant for another gateway',
  ])
})
