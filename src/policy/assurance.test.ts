import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ASSURANCES, isEnough, strongest } from './assurance.ts'

describe('isEnough()', () => {
  for (const [given, wanted, enough] of [
    ['tap', 'tap', true],
    ['tap', 'push', false],
    ['tap', 'passkey', false],
    ['push', 'passkey', false],
    ['passkey', 'tap', true],
    ['passkey', 'passkey', true],
    ['passkey', 'two-people', true],
    ['push', 'two-people', false],
  ] as const) {
    test(`${given} where ${wanted} is asked for: ${enough}`, () => assert.equal(isEnough(given, wanted), enough))
  }
  test('knows every kind', () => assert.equal(ASSURANCES.length, 4))
})

test('strongest() is the stronger of two, in either order', () => {
  for (const [one, other, both] of [
    ['tap', 'passkey', 'passkey'],
    ['two-people', 'passkey', 'two-people'],
    [undefined, 'tap', 'tap'],
    [undefined, undefined, undefined],
  ] as const) {
    assert.equal(strongest(one, other), both)
    assert.equal(strongest(other, one), both)
  }
})
