import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { providerAnswer } from './provider-answer.ts'

const read = (headers: readonly string[], body: Buffer, method = 'GET') => {
  const reply = providerAnswer({ status: 299, headers, body }, { method, parseMore: false, credential: 'crd_x' })
  assert.ok(Buffer.isBuffer(reply.body))
  return JSON.parse(reply.body.toString('utf8'))
}

describe('providerAnswer()', () => {
  test('gives header values as they are, whatever stands in them, and joins those of one name', () => {
    const values = [
      '',
      'plain',
      'a "quoted" one',
      'back\\slash',
      'tab\there',
      'gr\u00f6\u00dfe',
      '[]#!~',
      '\u0080\u00ff',
    ]
    for (const value of values) {
      const { headers } = read(['X-One', value, 'x-two', 'b', 'x-one', 'c'], Buffer.from('text'))
      assert.deepEqual(headers, { 'x-one': `${value}, c`, 'x-two': 'b', 'content-length': '4' })
    }
  })

  test('names no credential where one was taken out, in headers and body', () => {
    const mark = '[redacted:crd_x]'
    const answer = read(['x-echo', `a ${mark} b`, 'content-type', 'application/json'], Buffer.from(`{"k":"${mark}"}`))
    assert.equal(answer.headers['x-echo'], 'a [REDACTED] b')
    assert.deepEqual(answer.body, { k: '[REDACTED]' })
    assert.equal(answer.headers['content-length'], String('{"k":"[REDACTED]"}'.length))
  })

  test('gives JSON as the provider wrote it, and what only says that it is JSON as text', () => {
    const type = ['content-type', 'application/json']
    const written = ' {"a": 1.0, "a": [1e2, "\\u00e9"] } '
    const reply = providerAnswer(
      { status: 200, headers: type, body: Buffer.from(written) },
      { method: 'GET', parseMore: false, credential: 'crd_x' },
    )
    assert.ok((reply.body as Buffer).toString().endsWith(`"body":${written}}`))
    for (const text of ['{"a":1', "{'a':1}", '{"a":1}}', '1 2', 'NaN', '\ufeff{}', 'x']) {
      assert.equal(read(type, Buffer.from(text)).body, text)
    }
  })
})
