import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { jcs } from './jcs.ts'

interface Vectors {
  readonly values: readonly { readonly name: string; readonly json: string; readonly canonical: string }[]
  readonly numbers: readonly { readonly ieee754: string; readonly canonical: string }[]
  readonly refused: readonly string[]
}
const file = join(import.meta.dirname, '..', '..', 'vectors', 'jcs.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

describe('jcs()', () => {
  for (const { name, json, canonical } of vectors.values) {
    test(name, () => assert.equal(jcs(JSON.parse(json)), canonical))
  }

  test('writes numbers as RFC 8785 appendix B does', () => {
    for (const { ieee754, canonical } of vectors.numbers) {
      assert.equal(jcs(Buffer.from(ieee754, 'hex').readDoubleBE()), canonical, ieee754)
    }
  })

  test('leaves out members that are undefined', () => assert.equal(jcs({ b: undefined, a: 1 }), '{"a":1}'))

  test('refuses what is no JSON', () => {
    const loop: unknown[] = []
    loop.push(loop)
    const values = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      undefined,
      [undefined],
      () => 1,
      new Date(0),
      new Map(),
      loop,
    ]
    for (const value of [...vectors.refused.map((json) => JSON.parse(json) as unknown), ...values]) {
      assert.throws(() => jcs(value), { code: 'options_invalid' })
    }
  })
})
