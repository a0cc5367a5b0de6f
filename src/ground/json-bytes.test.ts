import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isJsonText } from './json-bytes.ts'

const corpus = join(import.meta.dirname, '../../test/corpora/json-test-suite')

/** As `JSON.parse` judges the text. */
function parses(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString('utf8'))
    return true
  } catch {
    return false
  }
}

function agrees(bytes: Uint8Array, what: string = Buffer.from(bytes).toString()): void {
  assert.equal(isJsonText(bytes), parses(bytes), what)
}

/** Whatever text there is, and near misses of it: a byte less, another byte, a byte too many. */
const edited = fc.tuple(
  fc.json({ maxDepth: 5 }),
  fc.nat(),
  fc.constantFrom(...'{}[]",:\\/ \n-+.eE019u0tfnabF\x00\x1f\x7f'),
  fc.nat(3),
)

describe('isJsonText()', () => {
  test('takes of the JSON test suite what JSON.parse takes', () => {
    let files = 0
    for (const folder of ['test_parsing', 'test_transform']) {
      for (const name of readdirSync(join(corpus, folder))) {
        const bytes = readFileSync(join(corpus, folder, name))
        files += 1
        // Of bytes that are no UTF-8 it does not judge: JSON.parse gets other ones, too.
        if (Buffer.from(bytes.toString('utf8')).equals(bytes)) agrees(bytes, name)
      }
    }
    assert.ok(files > 300, String(files))
  })

  test('takes every value that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        assert.ok(isJsonText(Buffer.from(JSON.stringify(value, undefined, indent))))
      }),
      { numRuns: 1_000, seed: 321 },
    )
  })

  test('agrees with JSON.parse about near misses', () => {
    fc.assert(
      fc.property(edited, ([text, nat, char, kind]) => {
        const at = nat % (text.length + 1)
        const behind = [text.slice(at + 1), text.slice(at + 1), text.slice(at), ''][kind]
        agrees(Buffer.from(`${text.slice(0, at)}${kind === 0 ? '' : char}${behind}`))
      }),
      { numRuns: 5_000, seed: 322 },
    )
  })

  test('agrees with JSON.parse about every text of up to four of the characters that matter', () => {
    let texts = ['']
    for (let length = 1; length <= 4; length++) {
      texts = texts.flatMap((text) => [...'[]{}",:1-.e \\'].map((char) => text + char))
      for (const text of texts) assert.equal(isJsonText(Buffer.from(text)), parses(Buffer.from(text)), text)
    }
  })

  test('agrees with JSON.parse about numbers, words and escapes', () => {
    const numbers = [
      '0',
      '-0',
      '01',
      '-',
      '1.',
      '.5',
      '1e',
      '1e+',
      '1E-9',
      '1e5.5',
      '+1',
      '1_0',
      '0x1',
      'NaN',
      '-Infinity',
    ]
    const words = ['true', 'tru', 'trueX', 'false', 'falsy', 'null', 'nul', 'undefined', 'True']
    const escapes = [
      '"\\n"',
      '"\\x"',
      '"\\u12aF"',
      '"\\u12g0"',
      '"\\u12',
      '"\\',
      '"\\"',
      '"\t"',
      '"\u007f"',
      '"\\ud800"',
      '"é"',
    ]
    for (const text of [...numbers, ...words, ...escapes]) {
      for (const around of [text, ` ${text}\r\n`, `[${text}]`, `{"a":${text}}`, `[1,${text},2]`])
        agrees(Buffer.from(around))
    }
    for (const text of ['', ' ', '\ufeff1', '1 2', '[1]]', '{"a":1,}', '[,1]', '{1:1}', "{'a':1}", '[1] //'])
      agrees(Buffer.from(text))
  })

  test('goes as deep as the text', () => {
    for (const depth of [255, 256, 257, 5_000]) {
      const deep = `${'[{"a":'.repeat(depth)}1${'}]'.repeat(depth)}`
      assert.ok(isJsonText(Buffer.from(deep)))
      assert.ok(!isJsonText(Buffer.from(deep.slice(0, -1))))
      assert.ok(!isJsonText(Buffer.from(`${deep.slice(0, -1)}}`)))
    }
    assert.ok(!isJsonText(Buffer.alloc(1 << 20, '[')))
  })
})
