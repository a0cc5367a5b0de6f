import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { jcs } from './jcs.ts'
import type { JsonValue } from './strict-json.ts'

interface Vectors {
  readonly values: readonly { readonly name: string; readonly json: string; readonly canonical: string }[]
  readonly numbers: readonly { readonly ieee754: string; readonly canonical: string }[]
  readonly refused: readonly string[]
}
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/jcs.json'), 'utf8')) as Vectors

describe('jcs()', () => {
  for (const { name, json, canonical } of vectors.values) {
    test(name, () => {
      assert.equal(jcs(JSON.parse(json) as JsonValue), canonical)
      assert.equal(jcs(JSON.parse(canonical) as JsonValue), canonical, 'and is its own canonical form')
    })
  }

  test('writes numbers as RFC 8785 appendix B does', () => {
    for (const { ieee754, canonical } of vectors.numbers) {
      assert.equal(jcs(Buffer.from(ieee754, 'hex').readDoubleBE()), canonical, ieee754)
    }
  })

  test('refuses what has no canonical form', () => {
    for (const json of vectors.refused) assert.throws(() => jcs(JSON.parse(json) as JsonValue), TypeError, json)
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => jcs([number]), TypeError)
  })
})
