import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { deriveKey, hkdf, importKey, type KeyLabel } from './hkdf.ts'

const known = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8')).hkdf
const root = createSecretKey(Buffer.from(known.root, 'hex'))
const installId = Buffer.from(known.installId, 'hex')

const answers: readonly (readonly [KeyLabel, number, string])[] = [
  ['kek', 1, known.kek_v1],
  ['kek', 2, known.kek_v2],
  ['audit-redact', 1, known.auditRedact_v1],
  ['token-pepper', 1, known.tokenPepper_v1],
  ['audit-tail', 1, known.auditTail_v1],
  ['meta-mac', 1, known.metaMac_v1],
]

describe('deriveKey()', () => {
  for (const [label, number, expected] of answers) {
    test(`gives the known answer for ${label} ${number}`, () => {
      assert.equal(deriveKey(root, installId, label, number).export().toString('hex'), expected)
    })
  }

  test('gives no two purposes and no two installations the same key', () => {
    const labels: readonly KeyLabel[] = [
      'kek',
      'audit-redact',
      'audit-tail',
      'token-pepper',
      'meta-mac',
      'meta-settings',
      'row-mac',
      'root-wrap',
    ]
    const keys = [installId, Buffer.alloc(16)].flatMap((id) =>
      labels.flatMap((label) => [1, 2].map((n) => deriveKey(root, id, label, n).export().toString('hex'))),
    )
    assert.equal(new Set(keys).size, labels.length * 4)
  })
})

describe('hkdf()', () => {
  test('returns a Buffer of the asked length', () => {
    assert.ok(Buffer.isBuffer(hkdf(root, installId, Buffer.from('x'), 42)))
    assert.equal(hkdf(root, installId, Buffer.from('x'), 42).length, 42)
  })

  test('refuses more than 255 blocks', () => {
    assert.throws(() => hkdf(root, installId, Buffer.alloc(0), 255 * 32 + 1), RangeError)
  })
})

describe('importKey()', () => {
  test('zeroes the buffer it came from', () => {
    const bytes = Buffer.alloc(32, 7)
    const key = importKey(bytes)
    assert.deepEqual(bytes, Buffer.alloc(32))
    assert.deepEqual(key.export(), Buffer.alloc(32, 7))
  })
})
