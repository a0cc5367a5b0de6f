// Project Wycheproof's vectors against our own wrappers (test/corpora/wycheproof, Apache-2.0).
import assert from 'node:assert/strict'
import { createSecretKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { open, seal } from './aead.ts'
import { ed25519PublicKey } from './ed25519.ts'
import { hkdf } from './hkdf.ts'
import { hmac, sameMac } from './mac.ts'

interface Case {
  readonly tcId: number
  readonly result: 'valid' | 'invalid'
  readonly [field: string]: string | number
}

interface Group {
  readonly tests: readonly Case[]
  readonly keySize: number
  readonly ivSize: number
  readonly tagSize: number
  readonly publicKey: { readonly pk: string }
}

function vectors(name: string): { group: Group; vector: Case }[] {
  const file = new URL(`../../test/corpora/wycheproof/${name}_test.json`, import.meta.url)
  const { testGroups, numberOfTests } = JSON.parse(readFileSync(file, 'utf8')) as {
    testGroups: Group[]
    numberOfTests: number
  }
  const all = testGroups.flatMap((group) => group.tests.map((vector) => ({ group, vector })))
  assert.equal(all.length, numberOfTests)
  return all
}

const hex = (value: string | number | undefined): Buffer => Buffer.from(String(value), 'hex')

describe('Wycheproof', () => {
  test('AES-GCM: only 256-bit keys, 12-byte nonces and 16-byte tags, and of those exactly the valid', () => {
    let accepted = 0
    for (const { group, vector } of vectors('aes_gcm')) {
      const ours = group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128
      const key = createSecretKey(hex(vector.key))
      const sealed = Buffer.concat([hex(vector.iv), hex(vector.ct), hex(vector.tag)])
      if (group.keySize !== 256) {
        assert.throws(() => open(key, hex(vector.aad), sealed), TypeError, `case ${vector.tcId}`)
        continue
      }
      const opened = open(key, hex(vector.aad), sealed)
      const expected = ours && vector.result === 'valid' ? hex(vector.msg) : undefined
      assert.deepEqual(opened, expected, `case ${vector.tcId}`)
      if (expected === undefined) continue
      assert.deepEqual(seal(key, hex(vector.aad), expected, hex(vector.iv)), sealed, `case ${vector.tcId}`)
      accepted += 1
    }
    assert.equal(accepted, 39)
  })

  test('HKDF-SHA-256: 86 of 86', () => {
    for (const { vector } of vectors('hkdf_sha256')) {
      const derive = () => hkdf(hex(vector.ikm), hex(vector.salt), hex(vector.info), Number(vector.size))
      if (vector.result === 'invalid') assert.throws(derive, RangeError, `case ${vector.tcId}`)
      else assert.deepEqual(derive(), hex(vector.okm), `case ${vector.tcId}`)
    }
  })

  test('HMAC-SHA-256: 174 of 174', () => {
    for (const { group, vector } of vectors('hmac_sha256')) {
      const mac = hmac(createSecretKey(hex(vector.key)), hex(vector.msg)).subarray(0, group.tagSize / 8)
      assert.equal(sameMac(mac, hex(vector.tag)), vector.result === 'valid', `case ${vector.tcId}`)
    }
  })

  test('Ed25519: 151 of 151', () => {
    for (const { group, vector } of vectors('ed25519')) {
      const holds = verify(null, hex(vector.msg), ed25519PublicKey(hex(group.publicKey.pk)), hex(vector.sig))
      assert.equal(holds, vector.result === 'valid', `case ${vector.tcId}`)
    }
  })
})
