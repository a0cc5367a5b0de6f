import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { ed25519FromSeed, ed25519PublicKey, ed25519Raw } from './ed25519.ts'

const known = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8')).audit

describe('ed25519FromSeed()', () => {
  test('gives the public key and the signature of the known checkpoint', () => {
    const { privateKey, publicKey } = ed25519FromSeed(Buffer.from(known.ed25519Seed, 'hex'))
    const vkeyBytes = Buffer.from(known.vkey.split('+').slice(2).join('+'), 'base64')
    assert.deepEqual(ed25519Raw(publicKey), vkeyBytes.subarray(1))
    const text = known.checkpoint.slice(0, known.checkpoint.indexOf('\n\n') + 1)
    const signature = Buffer.from(known.checkpoint.trimEnd().split(' ').at(-1), 'base64').subarray(4)
    assert.deepEqual(sign(null, Buffer.from(text), privateKey), signature)
    assert.ok(verify(null, Buffer.from(text), ed25519PublicKey(ed25519Raw(publicKey)), signature))
  })

  test('refuses other sizes and kinds', () => {
    assert.throws(() => ed25519FromSeed(Buffer.alloc(31)), RangeError)
    assert.throws(() => ed25519PublicKey(Buffer.alloc(33)), RangeError)
    assert.throws(() => ed25519Raw(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey), TypeError)
  })
})
