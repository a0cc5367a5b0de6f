import assert from 'node:assert/strict'
import { createCipheriv, createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { open, randomNonce, SEALED_OVERHEAD, seal } from './aead.ts'

const key = createSecretKey(randomBytes(32))
const aad = Buffer.from('claviger/test/v1\0')

describe('seal() and open()', () => {
  test('give back what was sealed, for any plaintext and AAD', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 60 }), (plaintext, with_) => {
        const sealed = seal(key, with_, plaintext)
        assert.equal(sealed.length, plaintext.length + SEALED_OVERHEAD)
        assert.deepEqual(open(key, with_, sealed), Buffer.from(plaintext))
      }),
    )
  })

  test('refuses one changed bit anywhere, in the sealed bytes or in the AAD', () => {
    const sealed = seal(key, aad, Buffer.from('sk-test-0123456789'))
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      assert.equal(open(key, aad, flipped(sealed, bit)), undefined, `bit ${bit}`)
    }
    for (let bit = 0; bit < aad.length * 8; bit += 1) assert.equal(open(key, flipped(aad, bit), sealed), undefined)
  })

  test('refuses another key', () => {
    assert.equal(open(createSecretKey(randomBytes(32)), aad, seal(key, aad, Buffer.from('x'))), undefined)
  })

  test('refuses tags cut to 4, 8 and 12 bytes, which Node accepts by default', () => {
    const sealed = seal(key, aad, Buffer.from('sk-test-0123456789'))
    for (const tagBytes of [0, 1, 4, 8, 12, 13, 14, 15]) {
      assert.equal(open(key, aad, sealed.subarray(0, sealed.length - 16 + tagBytes)), undefined, `${tagBytes} bytes`)
    }
  })

  test('refuses what was sealed with a short tag on purpose', () => {
    for (const authTagLength of [4, 8, 12] as const) {
      const nonce = randomNonce()
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength })
      cipher.setAAD(aad)
      const sealed = Buffer.concat([nonce, cipher.update('sk-test-0123456789'), cipher.final(), cipher.getAuthTag()])
      assert.equal(open(key, aad, sealed), undefined)
    }
  })

  test('refuses anything shorter than nonce and tag', () => {
    for (let length = 0; length < SEALED_OVERHEAD; length += 1) {
      assert.equal(open(key, aad, Buffer.alloc(length)), undefined)
    }
  })

  test('refuses keys that are not 256-bit secret keys', () => {
    const { publicKey } = generateKeyPairSync('ed25519')
    for (const wrong of [createSecretKey(randomBytes(16)), createSecretKey(randomBytes(24)), publicKey]) {
      assert.throws(() => seal(wrong, aad, Buffer.from('x')), TypeError)
      assert.throws(() => open(wrong, aad, Buffer.alloc(64)), TypeError)
    }
  })

  test('refuses nonces of another length', () => {
    for (const length of [0, 8, 11, 13, 16]) {
      assert.throws(() => seal(key, aad, Buffer.from('x'), randomBytes(length)), RangeError)
    }
  })
})

describe('randomNonce()', () => {
  // PROVING=1 draws 10⁷. The first 64 bits are compared: if no prefix repeats, no nonce does.
  const count = process.env.PROVING === undefined ? 100_000 : 10_000_000

  test(`does not repeat in ${count} draws`, () => {
    const prefixes = new BigUint64Array(count)
    for (let i = 0; i < count; i += 1) prefixes[i] = randomNonce().readBigUInt64BE()
    prefixes.sort()
    for (let i = 1; i < count; i += 1) assert.ok(prefixes[i] !== prefixes[i - 1], 'a nonce came twice')
  })

  test('is what seal() uses: no two sealings of one text are alike', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 10_000; i += 1) seen.add(seal(key, aad, aad).toString('latin1', 0, 12))
    assert.equal(seen.size, 10_000)
  })
})

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}
