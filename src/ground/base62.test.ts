import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runSeed, seeded } from '../../test/generators/seeded.ts'
import { base62 } from './base62.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

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
    assert.throws(() => base62(Buffer.alloc(16, 0xff), 21), RangeError)
    assert.throws(() => base62(Buffer.alloc(17, 0xff), 22), RangeError)
  })

  test('is what division digit by digit gives, at every length up to 40 bytes', () => {
    const random = seeded(runSeed('base62'))
    for (let i = 0; i < 4_000; i += 1) {
      const bytes = Buffer.from(Array.from({ length: i % 41 }, () => (random.below(4) === 0 ? 0 : random.below(256))))
      let value = BigInt(`0x0${bytes.toString('hex')}`)
      let digits = ''
      for (; value > 0n; value /= 62n) digits = ALPHABET[Number(value % 62n)] + digits
      assert.equal(base62(bytes, 56), digits.padStart(56, '0'))
    }
  })
})
