import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Canonical, canonicalJson } from './canonical-json.ts'
import { parseStrictJson, readCanonical } from './strict-json.ts'

const corpus = join(import.meta.dirname, '../../test/corpora/json-test-suite')
const refused = { code: 'json_invalid' }

function filesOf(folder: string, prefix = ''): string[] {
  return readdirSync(join(corpus, folder)).filter((name) => name.startsWith(prefix))
}

function read(folder: string, name: string): Buffer {
  return readFileSync(join(corpus, folder, name))
}

/** `y_` files that say something only some readers can keep: refused on purpose. */
const refusedThoughValid: Readonly<Record<string, string>> = {
  'y_object_duplicated_key.json': 'a name twice',
  'y_object_duplicated_key_and_value.json': 'a name twice',
  'y_number_minus_zero.json': '-0 is written back as 0',
  'y_number_negative_zero.json': '-0 is written back as 0',
}

/** `i_` files that are accepted, each with the reason. There is none. */
const acceptedThoughOpen: Readonly<Record<string, string>> = {}

describe('parseStrictJson() over the JSON test suite', () => {
  test('refuses all 188 files that are not JSON', () => {
    const files = filesOf('test_parsing', 'n_')
    assert.equal(files.length, 188)
    for (const name of files) assert.throws(() => parseStrictJson(read('test_parsing', name)), refused, name)
  })

  test('refuses what the standard leaves to the implementation, unless named', () => {
    const files = filesOf('test_parsing', 'i_')
    assert.equal(files.length, 35)
    for (const name of files) {
      if (name in acceptedThoughOpen) parseStrictJson(read('test_parsing', name))
      else assert.throws(() => parseStrictJson(read('test_parsing', name)), refused, name)
    }
  })

  test('accepts what is JSON and reads it as JSON.parse does, but for repeated names and -0', () => {
    const files = filesOf('test_parsing', 'y_')
    assert.equal(files.length, 95)
    for (const name of files) {
      const bytes = read('test_parsing', name)
      if (name in refusedThoughValid) assert.throws(() => parseStrictJson(bytes), refused, name)
      else assert.deepEqual(parseStrictJson(bytes), JSON.parse(bytes.toString()), name)
    }
  })

  test('accepts of the ambiguous files only those with one reading', () => {
    const accepted = filesOf('test_transform').filter((name) => {
      try {
        parseStrictJson(read('test_transform', name))
        return true
      } catch {
        return false
      }
    })
    assert.deepEqual(accepted, [
      'number_1.0.json',
      'number_1000000000000000.json',
      'number_1e6.json',
      'object_key_nfc_nfd.json',
      'object_key_nfd_nfc.json',
      'string_with_escaped_NULL.json',
    ])
  })
})

describe('parseStrictJson()', () => {
  const refusals: readonly (readonly [string, string])[] = [
    ['a byte-order mark', '\ufeff{}'],
    ['a name twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['2^53 + 1', '9007199254740993'],
    ['a number with more digits than a double', '0.1000000000000000055'],
    ['a number below the smallest', '1e-400'],
    ['minus zero with an exponent', '-0.0e5'],
    ['a very long number', `1${'0'.repeat(60_000)}1`],
    ['the name __proto__', '{"__proto__":{"admin":true}}'],
    ['half a surrogate pair', '"\\ud800"'],
    ['halves of two pairs', '"\\udc00\\ud800"'],
    ['65 levels', '['.repeat(66) + ']'.repeat(66)],
    ['nothing', ''],
    ['two values', '1 2'],
    ['a value cut short', '{"a":'],
  ]
  for (const [what, text] of refusals) {
    test(`refuses ${what}`, () => {
      assert.throws(() => parseStrictJson(Buffer.from(text)), refused)
    })
  }

  test('keeps numbers whose decimal value a double holds', () => {
    const tokens = [
      '0',
      '1.0',
      '1E2',
      '0.1',
      '-1.50e+3',
      '123e65',
      '9007199254740991',
      '-2.2250738585072014e-308',
      '0.00',
    ]
    for (const token of tokens) assert.equal(parseStrictJson(Buffer.from(token)), Number(token), token)
  })

  test('joins two escaped halves of a pair', () => {
    assert.equal(parseStrictJson(Buffer.from('"\\ud83d\\ude00"')), '😀')
  })

  test('reads what JSON.stringify writes as JSON.parse does', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const text = JSON.stringify(value)
        assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text))
      }),
    )
  })

  test('never accepts what JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      'a',
      ':',
      ',',
      '1',
      '-',
      '.',
      'e',
      ' ',
      '\\',
      'u0041',
      'true',
      'null',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        let value: unknown
        try {
          value = parseStrictJson(Buffer.from(text))
        } catch {
          return
        }
        assert.deepEqual(value, JSON.parse(text))
      }),
      { numRuns: 2_000 },
    )
  })
})

const fraction = fc.double({ noDefaultInfinity: true, noNaN: true }).map((n) => (Number.isInteger(n) ? 0.5 : n))
const jsonValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.maxSafeInteger(),
    fraction,
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value

const canonicalValue: fc.Arbitrary<Canonical> = fc.letrec<{ value: Canonical }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[ -~]{1,8}$/), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

describe('readCanonical()', () => {
  test('reads what canonicalJson writes', () => {
    fc.assert(
      fc.property(canonicalValue, (value) => {
        const text = canonicalJson(value)
        assert.equal(canonicalJson(readCanonical(Buffer.from(text))), text)
      }),
    )
  })

  test('refuses every other spelling of the same value', () => {
    const spellings = [
      '{"b":1,"a":2}',
      '{ "a":1}',
      '{"a":1}\n',
      '"\\u0041"',
      '1.0',
      '1e2',
      '["\\/"]',
      'null',
      '1.5',
      '"\\u00E9"',
    ]
    for (const text of spellings) {
      assert.throws(() => readCanonical(Buffer.from(text)), { code: 'json_not_canonical' }, text)
    }
  })
})
