import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { base62 } from './base62.ts'

describe('base62()', () => {
  test('pads on the left, and writes the most significant digit first', () => {
    assert.equal(base62(Buffer.from([0]), 4), '0000')
    assert.equal(base62(Buffer.from([61]), 2), '0z')
    assert.equal(base62(Buffer.from([62]), 2), '10')
    assert.equal(base62(Buffer.alloc(16, 0xff), 22), '7n42DGM5Tflk9n8mt7Fhc7')
  })

  test('gives nothing to appearance: distinct bytes give distinct texts of one width', () => {
    const texts = new Set(Array.from({ length: 65_536 }, (_, i) => base62(Buffer.from([i >> 8, i & 255]), 3)))
    assert.equal(texts.size, 65_536)
  })

  test('throws where the value does not fit', () => {
    assert.throws(() => base62(Buffer.from([62]), 1), RangeError)
  })
})
