import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AskedReader } from './read-asked.ts'

const TYPE = 'multipart/form-data; boundary=a-b'
const field = (name: string, value: string, more = '') =>
  `--a-b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
const file = (bytes: number) =>
  `--a-b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n${'x'.repeat(bytes)}\r\n`
const END = '--a-b--\r\n'

function read(text: string, size = 1, type = TYPE): AskedReader {
  const reader = new AskedReader([], type)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
  return reader
}

describe('a form', () => {
  test('says its model, what is text and what are files, wherever it is cut', () => {
    const text = `${field('language', '')}${file(70_000)}${field('model', 'whisper-1')}${file(10)}${END}`
    for (const size of [1, 3, 64, 4_096, text.length]) {
      const { model, lost, whole, others } = read(text, size)
      assert.deepEqual([model, lost, whole, others], ['whisper-1', false, true, []])
      const tokens = read(text, size).tokens()
      // Two files, of which none is smaller than so much.
      assert.ok(tokens >= 2_048 && tokens < 2_200, String(tokens))
    }
    const begun = read(text.slice(0, 1_000))
    assert.deepEqual([begun.whole, begun.lost, begun.model], [false, false, undefined])
    assert.ok(begun.tokens(6_400_000) > 90_000 && begun.tokens(6_400_000) < 101_000)
  })

  for (const [why, text] of [
    ['begins with something else', `x${field('model', 'a')}${END}`],
    ['names a file as its model', `${field('model', 'a', '; filename="b"')}${END}`],
    [
      'says twice what a part is',
      field('model', 'a').replace('\r\n\r\n', '\r\nContent-Disposition: form-data; name="x"\r\n\r\n'),
    ],
    ['encodes a part', field('model', 'a').replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n')],
    ['writes a name in another way', field('model', 'a').replace('name="model"', 'name=model')],
    ['folds a line', field('model', 'a').replace('; name', ';\r\n name')],
    [
      'has a line that ends for some readers alone',
      field('model', 'a').replace('C', 'X: y\nContent-Disposition: form-data; name="x"\r\nC'),
    ],
    ['names more models than are kept', `${field('model', 'a')}${field('models[]', 'b').repeat(257)}${END}`],
    ['goes on after its end', `${field('model', 'a')}${END}${field('model', 'b')}${END}`],
    ['has a head without end', `--a-b\r\nContent-Disposition: ${'x'.repeat(9_000)}`],
    ['has a value without end', field('model', 'x'.repeat(600))],
    ['has something behind its delimiter', `${field('x', 'a')}--a-b \r\n`],
  ] as const) {
    test(`says nothing where it ${why}`, () => {
      for (const size of [1, text.length]) {
        const { lost, whole, model } = read(text, size)
        assert.deepEqual([lost, whole, model], [true, false, undefined])
      }
    })
  }

  test('names other models, and one twice is two', () => {
    const more = read(`${field('model', 'a')}${field('models[]', 'b')}${field('fallbacks', 'c')}${END}`)
    assert.deepEqual([more.model, more.others], ['a', ['b', 'c']])
    assert.equal(read(`${field('model', 'a')}${field('Model', 'b')}${END}`).model, undefined)
  })

  test('names another model where a loose reader finds one', () => {
    for (const name of ['model[]', ' model', 'model.id', 'Model '])
      assert.deepEqual(read(`${field('model', 'a')}${field(name, 'b')}${END}`).others, ['b'], name)
  })

  test('says nothing where it is over before its end', () => {
    for (const [text, isLost] of [
      [`${field('model', 'a')}--a-b\r\n`, true],
      [`${field('model', 'a')}${field('model', 'b').slice(0, -2)}`, true],
      [`${field('model', 'a')}${END}`, false],
      ['', false],
    ] as const) {
      const reader = read(text)
      reader.end()
      assert.equal(reader.lost, isLost, text)
    }
  })

  test('is none where its boundary can be read in two ways', () => {
    for (const type of [
      `${TYPE}; boundary=c`,
      'multipart/form-data',
      'multipart/form-data; boundary="a b"',
      'text/plain',
    ]) {
      assert.equal(read(`${field('model', 'a')}${END}`, 7, type).lost, true, type)
    }
    assert.equal(read(`${field('model', 'a')}${END}`, 7, 'Multipart/Form-Data; boundary="a-b"').model, 'a')
  })
})
