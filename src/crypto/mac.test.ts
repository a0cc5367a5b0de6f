import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, test } from 'node:test'
import { hmac, sameMac } from './mac.ts'

describe('sameMac()', () => {
  test('compares, and takes unequal lengths for unequal', () => {
    const key = createSecretKey(Buffer.alloc(32))
    assert.equal(sameMac(hmac(key, 'ab', 'c'), hmac(key, 'a', 'bc')), true)
    assert.equal(sameMac(hmac(key, 'a'), hmac(key, 'b')), false)
    assert.equal(sameMac(Buffer.alloc(31), Buffer.alloc(32)), false)
  })
})
