import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JsonGrammar, OFF } from './json-grammar.ts'

const right = [
  '{}',
  '[]',
  ' {"a" : [ 1 , -0.5e+10 , true,false , null,{} ,[ ]] , "b":"\\u00e9\\n\\"\\\\\\/" }\r\n\t',
  '"x"',
  '0',
  '-1E9 ',
  'true',
  '{"":{"":[[]]}}',
  '["\u2028\u007f"]',
]

const wrong = [
  '',
  ' ',
  '{',
  '[1',
  '"x',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '[1,]',
  '[,1]',
  '{,}',
  '[1 2]',
  '{"a":1 "b":2}',
  "{'a':1}",
  '{a:1}',
  '{"a":1}}',
  '[1}',
  '{"a":1]',
  '{} {}',
  '1 2',
  '"a""b"',
  '01',
  '-',
  '1.',
  '.5',
  '+1',
  '1e',
  '0x1',
  'True',
  'nul',
  'nulll',
  'NaN',
  'Infinity',
  '"\\x"',
  '"\\u12g4"',
  '"\\u12"',
  '"a\tb"',
  '"\0"',
  '\ufeff{}',
  '\u00a0{}',
  '\f{}',
  '// a\n{}',
  '{/* */}',
  '{"a":1#\n}',
  '{"a";1}',
  '[1;2]',
  '[1:2]',
  '{"a":"b":"c"}',
  '{1:2}',
  '{"a":1,2}',
]

function takes(text: string): boolean {
  const grammar = new JsonGrammar()
  return Buffer.from(text).every((byte) => grammar.step(byte) !== OFF) && grammar.ends()
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('the grammar of JSON', () => {
  test('takes what is JSON, and nothing else', () => {
    for (const text of right) assert.ok(takes(text) && parses(text), text)
    for (const text of wrong) assert.ok(!takes(text) && !parses(text), text)
  })

  test('agrees with the parser on every text with one byte left out, doubled, or another one in its place', () => {
    const text = '{"a":[1,-2.5e3,true],"\\u00e9":{"b":"c\\n"},"d":null}'
    for (let at = 0; at < text.length; at += 1) {
      const [before, here, behind] = [text.slice(0, at), text[at] as string, text.slice(at + 1)]
      for (const other of ['', here + here, ...'{}[],:"\\/\'# \t\n\0ute0-.+E1'])
        assert.equal(takes(before + other + behind), parses(before + other + behind), before + other + behind)
    }
  })

  test('stays off, and is off where it nests deeper than anybody needs', () => {
    const grammar = new JsonGrammar()
    assert.equal(grammar.step(0x2c), OFF)
    for (const byte of Buffer.from('{"a":1}')) assert.equal(grammar.step(byte), OFF)
    assert.ok(takes('['.repeat(128) + ']'.repeat(128)))
    assert.ok(!takes('['.repeat(129) + ']'.repeat(129)))
    assert.ok(!takes('1'.repeat(257)))
  })
})
