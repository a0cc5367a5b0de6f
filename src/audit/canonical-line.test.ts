import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../ground/canonical-json.ts'
import { readCanonical } from '../ground/strict-json.ts'
import { parseCanonicalLine } from './canonical-line.ts'

function strictly(text: string): boolean {
  try {
    readCanonical(Buffer.from(text))
    return true
  } catch {
    return false
  }
}

const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 1.5, -0, 1e300, '\ud800', '\u2028', '"', '\\', '\u007f'),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('10', '9', '~g', 'é', '')), tie('value'), { maxKeys: 4 }),
  ),
})).value

describe('parseCanonicalLine() decides as readCanonical() does', () => {
  test('for what JSON.stringify writes', () => {
    fc.assert(
      fc.property(value, (thing) => {
        const text = JSON.stringify(thing)
        if (!text.isWellFormed() || text.includes('"__proto__"')) return
        assert.equal(parseCanonicalLine(text) !== undefined, strictly(text), text)
      }),
      { numRuns: 2_000 },
    )
  })

  test('for canonical text and every neighbour of it', () => {
    const good = canonicalJson({ a: [1, 'é"\\\u0001', { b: true }], b: { '10': 1, '9': 2 }, '~g': 'x' })
    assert.ok(parseCanonicalLine(good) !== undefined)
    for (let at = 0; at <= good.length; at += 1) {
      for (const inserted of ['', ' ', '0', '"', ',', '\\', '-', 'e1', '.0', '\u0000']) {
        for (const cut of [0, 1]) {
          const text = good.slice(0, at) + inserted + good.slice(at + cut)
          assert.equal(parseCanonicalLine(text) !== undefined, strictly(text), text)
        }
      }
    }
  })
})
