import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import { derFromRaw, rawFromDer } from './ecdsa-der.ts'

describe('the forms of an ECDSA signature', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const p1363 = 'ieee-p1363'

  test('are those of OpenSSL, both ways', () => {
    for (let i = 0; i < 500; i += 1) {
      const data = randomBytes(16)
      const der = sign('sha256', data, privateKey)
      const raw = rawFromDer(der) as Buffer
      assert.ok(verify('sha256', data, { key: publicKey, dsaEncoding: p1363 }, raw), der.toString('hex'))
      assert.deepEqual(derFromRaw(raw), der)
    }
  })

  test('come back the same for numbers of any length', () => {
    for (let r = 0; r <= 32; r += 1) {
      for (const first of [0x01, 0x7f, 0x80, 0xff]) {
        const raw = Buffer.alloc(64)
        if (r < 32) raw[r] = first
        raw[63 - r] = first
        assert.deepEqual(rawFromDer(derFromRaw(raw)), raw, raw.toString('hex'))
      }
    }
  })
})
