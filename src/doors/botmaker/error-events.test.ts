import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StreamKind } from '../../llm/stream-kind.ts'
import { ErrorEvents } from './error-events.ts'

const MASKED = 'Incorrect API key provided: sk-ab***yz, org-AbCdEf123456'
const CLEAN = 'Incorrect API key provided: [redacted], [redacted]'
const BIG = 'x'.repeat(200_000)
const event = (value: object, name?: string) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`

/** What comes of a stream that is cut into pieces of so many bytes. */
function through(kind: StreamKind, text: string, size: number): string {
  const errors = new ErrorEvents(kind)
  const bytes = Buffer.from(text)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) out.push(errors.push(bytes.subarray(at, at + size)))
  return Buffer.concat([...out, errors.flush()]).toString('utf8')
}

const good = event({ choices: [{ delta: { content: 'hello' } }] })
const SAID = [
  ['an event of OpenAI', 'events', `${good}${event({ error: { message: MASKED } })}data: [DONE]\n\n`],
  ['an event of its responses', 'events', event({ type: 'error', code: 'invalid_api_key', message: MASKED }, 'error')],
  [
    'a response that failed',
    'events',
    event({ type: 'response.failed', response: { status: 'failed', error: { message: MASKED } } }, 'response.failed'),
  ],
  ['an event of Anthropic', 'events', event({ type: 'error', error: { type: 'x', message: MASKED } }, 'error')],
  ['one with other line ends', 'events', event({ message: MASKED }, 'error').replaceAll('\n', '\r\n')],
  ['one with old line ends', 'events', event({ message: MASKED }, 'error').replaceAll('\n', '\r')],
  ['an event of OpenRouter', 'events', event({ id: 'x', choices: [{ error: { message: MASKED } }] })],
  ['an event of Google', 'events', `data: [{"error":{"message":"${MASKED}"}}]\r\n\r\n`],
  ['JSON over many lines', 'events', `data: {"error": {\ndata: "message": "${MASKED}"\ndata: }}\n\n`],
  ['JSON in the midst of events', 'events', `${good}{"error":{"message":"${MASKED}"}}`],
  ['a line of Ollama', 'lines', `{"done":false}\n{"error":"${MASKED}"}\n`],
  [
    'the last of a list',
    'list',
    `[{"candidates":[{"a":"}]"}]}\n,\r\n{\n "error": {\n "message": "${MASKED}"\n }\n}\n]\n`,
  ],
  ['what is no list', 'list', `{"error": {"message": "${MASKED}"}}`],
  ['an event that is too long', 'events', event({ error: { message: `${'word '.repeat(30_000)}${MASKED}` } })],
] as const

const UNTOUCHED = [
  ['events', good],
  ['events', event({ choices: [{ delta: { content: `an "error": {"${MASKED}"}` } }], error: null })],
  ['events', event({ type: 'response.completed', response: { error: null, text: MASKED } })],
  ['events', `${event({ message: 'x' }, 'error')}${event({ delta: MASKED })}`],
  ['events', event({ error: '', choices: [{ delta: { content: MASKED } }] })],
  ['events', `: error ${MASKED}\n\n`],
  ['lines', `${'['.repeat(30_000)}"error ${MASKED}"${']'.repeat(30_000)}`],
  ['events', event({ image: BIG, text: `error ${MASKED}` })],
  ['lines', `{"message":{"content":"error ${MASKED}"}}\n`],
  ['list', `[{"candidates":[{"content":"error \\"}], ${MASKED}"}]}\n,\r\n{"big":"${BIG}","text":"error ${MASKED}"}]`],
  ['list', `<html>error ${MASKED}`],
] as const

describe('ErrorEvents', () => {
  for (const [name, kind, text] of SAID) {
    test(`takes out what is said of the key in ${name}, wherever it is cut`, () => {
      const wanted = text.replace(MASKED, CLEAN)
      assert.notEqual(wanted, text)
      for (const size of [1, 2, 7, 1_000, text.length]) assert.equal(through(kind, text, size), wanted, `by ${size}`)
    })
  }

  for (const [kind, text] of UNTOUCHED) {
    test(`leaves ${kind} as they came: ${text.slice(0, 60).replaceAll('\n', ' ')}`, () => {
      for (const size of [text.length > 10_000 ? 997 : 1, 8_191, text.length])
        assert.equal(through(kind, text, size), text)
    })
  }

  test('is not kept busy by what a vendor sends, however it is made', () => {
    const began = performance.now()
    const spaces = new ErrorEvents('events')
    const line = `data: ${' '.repeat(60_000)}error\n`
    assert.equal(spaces.push(Buffer.from(line)).toString(), line)
    const small = new ErrorEvents('events')
    const head = `event: error\ndata: ${'a'.repeat(40_000)} ${'a'.repeat(30_000)}`
    let bytes = small.push(Buffer.from(head)).length
    const one = Buffer.from('b')
    for (let at = 0; at < 200_000; at += 1) bytes += small.push(one).length
    assert.equal(bytes + small.flush().length, head.length + 200_000)
    // With the time squared or worse it is from half a minute to years.
    assert.ok(performance.now() - began < 15_000)
  })

  test('holds back nothing that is whole, and no more than an error is long', () => {
    const errors = new ErrorEvents('events')
    const chunk = Buffer.from(good)
    assert.equal(errors.push(chunk), chunk)
    assert.equal(errors.push(Buffer.from('data: {"a":')).length, 0)
    assert.equal(errors.push(Buffer.from(`1}\n\n${good}data: `)).toString(), `data: {"a":1}\n\n${good}`)
    assert.ok(errors.push(Buffer.from(BIG)).length > BIG.length)
    assert.equal(errors.push(Buffer.from(BIG)).length, BIG.length)
    const list = new ErrorEvents('list')
    assert.equal(list.push(Buffer.from('[{"a":1}\n')).toString(), '[{"a":1}\n')
    assert.equal(list.push(Buffer.from(',{"a":')).toString(), ',')
    assert.equal(list.push(Buffer.from('2}')).toString(), '{"a":2}')
  })
})
