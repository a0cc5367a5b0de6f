import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectionFindings } from './examine-connections.ts'

test('connectionFindings() names what must be connected anew, and says nothing where there are no connections', () => {
  const found = (count: number, ...needReauth: string[]) =>
    connectionFindings({ count, needReauth }).map(({ state, says }) => [state, says])
  assert.deepEqual(found(0), [])
  assert.deepEqual(found(2), [['ok', '2, and all renew themselves']])
  assert.deepEqual(found(3, 'a', 'b'), [['note', '2 of 3 must be connected anew: a, b']])
})
