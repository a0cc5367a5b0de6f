import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { SEALED_OVERHEAD, seal } from '../crypto/aead.ts'
import { deriveKey } from '../crypto/hkdf.ts'
import { dekAad, hashOrigins, kekNumber, openEnvelope, rewrapEnvelope, sealEnvelope, secretAad } from './envelope.ts'

const answers = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8'))
const known = answers.envelope
const hex = (text: string) => Buffer.from(text, 'hex')
const root = createSecretKey(hex(answers.hkdf.root))
const installId = hex(answers.hkdf.installId)
const kek = { number: 1, key: deriveKey(root, installId, 'kek', 1) }
const kek2 = { number: 2, key: deriveKey(root, installId, 'kek', 2) }
const binding = {
  installId,
  credentialId: known.credentialId as string,
  version: known.version as number,
  field: known.field as string,
  originsHash: hashOrigins(known.origins),
}
const secret = Buffer.from(known.plaintextUtf8)
const envelope = hex(known.envelope)

describe('the known envelope', () => {
  test('has these AADs and this origins hash, whatever the order of the origins', () => {
    assert.equal(dekAad(hex(known.header), binding).toString('hex'), known.aadDek)
    assert.equal(secretAad(binding).toString('hex'), known.aadSecret)
    assert.equal(hashOrigins([...known.origins].reverse()).toString('hex'), known.originsHash)
  })

  test('is what sealEnvelope() makes of its inputs, and opens', () => {
    const fixed = { dek: hex(known.dek), nonceDek: hex(known.nonceDek), nonce: hex(known.nonce) }
    const made = sealEnvelope(kek, binding, secret, fixed)
    assert.equal(made.toString('hex'), known.envelope)
    assert.equal(made.length, known.length)
    assert.deepEqual(openEnvelope(kek, binding, made), secret)
  })
})

describe('openEnvelope()', () => {
  test('opens every length up to the limit, and no longer secret is sealed', () => {
    for (const length of [0, 1, 8, 65_535, 65_536]) {
      const bytes = randomBytes(length)
      assert.deepEqual(openEnvelope(kek, binding, sealEnvelope(kek, binding, bytes)), bytes)
    }
    assert.throws(() => sealEnvelope(kek, binding, Buffer.alloc(65_537)), RangeError)
  })

  test('refuses one changed bit anywhere', () => {
    for (let bit = 0; bit < envelope.length * 8; bit += 1) {
      const changed = Buffer.from(envelope)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(openEnvelope(kek, binding, changed), undefined, `bit ${bit}`)
    }
  })

  test('refuses every shorter length and one byte more', () => {
    for (let length = 0; length < envelope.length; length += 1) {
      assert.equal(openEnvelope(kek, binding, envelope.subarray(0, length)), undefined)
    }
    assert.equal(openEnvelope(kek, binding, Buffer.concat([envelope, Buffer.alloc(1)])), undefined)
  })

  const others: readonly (readonly [string, Partial<typeof binding>])[] = [
    ['installation', { installId: Buffer.alloc(16) }],
    ['credential', { credentialId: 'crd_2' }],
    ['version', { version: 4 }],
    ['field', { field: 'refresh' }],
    ['origins', { originsHash: hashOrigins([...known.origins, 'https://evil.example:443']) }],
    ['origins, one removed', { originsHash: hashOrigins(known.origins.slice(1)) }],
  ]
  for (const [what, change] of others) {
    test(`refuses another ${what}`, () => {
      assert.equal(openEnvelope(kek, { ...binding, ...change }, envelope), undefined)
    })
  }

  test('refuses another key and another generation', () => {
    assert.equal(openEnvelope({ number: 1, key: kek2.key }, binding, envelope), undefined)
    assert.equal(openEnvelope(kek2, binding, envelope), undefined)
    const renumbered = Buffer.from(envelope)
    renumbered.writeUInt32BE(2, 8)
    assert.equal(openEnvelope({ number: 2, key: kek.key }, binding, renumbered), undefined)
  })

  test('refuses a wrapped data key that is not 32 bytes', () => {
    const wrapped = seal(kek.key, dekAad(hex(known.header), binding), Buffer.alloc(31))
    const forged = Buffer.concat([hex(known.header), wrapped, envelope.subarray(72)])
    assert.equal(openEnvelope(kek, binding, forged), undefined)
  })
})

describe('rows changed offline (H-01)', () => {
  const rows = Array.from({ length: 50 }, (_, i) => {
    const own = {
      ...binding,
      credentialId: `crd_${i}`,
      version: 1 + (i % 3),
      originsHash: hashOrigins([`https://h${i}:443`]),
    }
    return { binding: own, envelope: sealEnvelope(kek, own, Buffer.from(`canary-${i}-${i * 7919}`)) }
  })

  test('all 2,450 swaps of 50 rows fail to open, and the 50 rows themselves open', () => {
    let failures = 0
    let opened = 0
    for (const target of rows) {
      for (const source of rows) {
        const result = openEnvelope(kek, target.binding, source.envelope)
        if (source === target) opened += result === undefined ? 0 : 1
        else failures += result === undefined ? 1 : 0
      }
    }
    assert.deepEqual({ failures, opened }, { failures: 2_450, opened: 50 })
  })

  test('so do 2,450 transplants of the wrapped key alone and of the ciphertext alone', () => {
    let failures = 0
    for (const target of rows) {
      for (const source of rows) {
        if (source === target) continue
        const key = Buffer.concat([source.envelope.subarray(0, 72), target.envelope.subarray(72)])
        const text = Buffer.concat([target.envelope.subarray(0, 72), source.envelope.subarray(72)])
        for (const mixed of [key, text]) failures += openEnvelope(kek, target.binding, mixed) === undefined ? 1 : 0
      }
    }
    assert.equal(failures, 4_900)
  })

  test('edited origins fail', () => {
    for (const row of rows) {
      const edited = { ...row.binding, originsHash: hashOrigins(['https://evil.example:443']) }
      assert.equal(openEnvelope(kek, edited, row.envelope), undefined)
    }
  })
})

describe('rewrapEnvelope()', () => {
  test('moves to another generation without touching the sealed secret', () => {
    const moved = rewrapEnvelope(kek, kek2, binding, envelope)!
    assert.equal(kekNumber(moved), 2)
    assert.deepEqual(moved.subarray(72), envelope.subarray(72))
    assert.deepEqual(openEnvelope(kek2, binding, moved), secret)
    assert.equal(openEnvelope(kek, binding, moved), undefined)
  })

  test('refuses what does not open', () => {
    assert.equal(rewrapEnvelope(kek, kek2, { ...binding, version: 9 }, envelope), undefined)
    assert.equal(rewrapEnvelope(kek2, kek, binding, envelope), undefined)
  })
})

describe('kekNumber()', () => {
  const wrong: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['magic', (bytes) => bytes.fill(Buffer.from('c8', 'hex'), 0, 1)],
    ['version', (bytes) => bytes.fill(Buffer.from('02', 'hex'), 4, 5)],
    ['algorithm', (bytes) => bytes.fill(Buffer.from('02', 'hex'), 5, 6)],
    ['flags', (bytes) => bytes.fill(Buffer.from('0001', 'hex'), 6, 8)],
    ['length', (bytes) => bytes.subarray(0, 72 + SEALED_OVERHEAD - 1)],
    ['length above the limit', (bytes) => Buffer.concat([bytes, Buffer.alloc(65_536)])],
  ]
  for (const [what, change] of wrong) {
    test(`refuses another ${what}`, () => assert.equal(kekNumber(change(Buffer.from(envelope))), undefined))
  }
})
