import assert from 'node:assert/strict'
import { test } from 'node:test'
import { webhookFindings } from './examine-webhooks.ts'

test('webhookFindings() speaks of what fails and of what was given up, and of nothing where there are none', () => {
  const found = (count: number, failing: number, deadLetters: number) =>
    webhookFindings({ count, pending: 0, deadLetters, failing, ...(failing > 0 && { failingSince: 0 }) }).map(
      ({ state, says }) => [state, says],
    )
  assert.deepEqual(found(0, 0, 0), [])
  assert.deepEqual(found(2, 0, 0), [['ok', '2, and nothing fails']])
  assert.deepEqual(found(2, 1, 0), [['note', '1 of 2 fail, since 1970-01-01T00:00:00.000Z']])
  assert.deepEqual(found(2, 0, 3), [['note', '3 given up']])
  assert.deepEqual(found(2, 2, 1), [['note', '2 of 2 fail, since 1970-01-01T00:00:00.000Z; 1 given up']])
})
