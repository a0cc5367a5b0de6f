import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EventReader } from './event-stream.ts'

const all = (pieces: readonly string[]) => {
  const reader = new EventReader(1_000)
  return pieces.flatMap((piece) => reader.read(piece))
}
const short = (pieces: readonly string[]) =>
  all(pieces).map(({ type, data, lastEventId }) => [type, data, lastEventId].join('|'))

/** The examples of the standard, and its corners: text → `type|data|id` of each event. */
const streams: readonly (readonly [name: string, text: string, events: readonly string[]])[] = [
  ['data of several lines', 'data: YHOO\ndata: +2\ndata: 10\n\n', ['message|YHOO\n+2\n10|']],
  [
    'comments, ids, and an end that is no event',
    ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event',
    ['message|first event|1', 'message|second event|'],
  ],
  ['empty data', 'data\n\ndata\ndata\n\ndata:', ['message||', 'message|\n|']],
  [
    'with and without a space',
    'data:test\n\ndata: test\n\ndata:  test\n\n',
    ['message|test|', 'message|test|', 'message| test|'],
  ],
  ['types, which hold for one event', 'event: add\ndata: 1\n\ndata: 2\n\n', ['add|1|', 'message|2|']],
  ['a type without data, which is no event', 'event: add\n\ndata: 2\n\n', ['message|2|']],
  ['ids, which hold on', 'id: 7\ndata: 1\n\ndata: 2\n\nid:\ndata: 3\n\n', ['message|1|7', 'message|2|7', 'message|3|']],
  ['an id without data', 'id: 7\n\ndata: 1\n\n', ['message|1|7']],
  ['an id with NUL, which is none', 'id: 7\nid: a\0b\ndata: 1\n\n', ['message|1|7']],
  [
    'every line end',
    'data: 1\r\rdata: 2\r\n\r\ndata: 3\n\ndata: 4\r\ndata: 5\r\n\r\n',
    ['message|1|', 'message|2|', 'message|3|', 'message|4\n5|'],
  ],
  ['fields that nobody knows', 'dat: 1\n data: 2\nDATA: 3\ndata: 4\n\n', ['message|4|']],
  ['colons in values', 'data: a:b: c\n\n', ['message|a:b: c|']],
]

describe('EventReader', () => {
  for (const [name, text, events] of streams) {
    test(`reads ${name}, wherever the pieces end`, () => {
      assert.deepEqual(short([text]), events)
      assert.deepEqual(short([...text]), events)
      for (let at = 0; at <= text.length; at++) {
        assert.deepEqual(short([text.slice(0, at), '', text.slice(at)]), events, `cut at ${at}`)
      }
    })
  }

  test('gives an event as soon as its empty line ended, be it by CR', () => {
    const reader = new EventReader(100)
    assert.equal(reader.read('data: 1\r\r').length, 1)
    assert.equal(reader.read('\ndata: 2\r\n\r').length, 1)
    assert.deepEqual(reader.read('\n\r\n'), [])
  })

  test('keeps the last number of `retry`, and nothing else', () => {
    const texts = ['retry: 10\n', 'retry: x\n', 'retry: -1\n', 'retry:\n', 'retry: 1.5\n', 'data: 1\n\n']
    assert.equal(all(texts)[0]?.retryMs, 10)
    assert.equal(all(['data: 1\n\n'])[0]?.retryMs, undefined)
  })

  for (const [name, piece] of [
    ['a line', 'x'.repeat(60)],
    ['the data of an event', `data: ${'x'.repeat(50)}\n`],
    ['a comment', `:${'x'.repeat(60)}`],
  ] as const) {
    test(`refuses ${name} that does not end`, () => {
      const reader = new EventReader(100)
      reader.read(piece)
      assert.throws(() => reader.read(piece), { code: 'event_too_large' })
    })
  }

  test('bounds single events, not streams', () => {
    const reader = new EventReader(100)
    for (let n = 0; n < 1_000; n++) assert.equal(reader.read(`data: ${'x'.repeat(50)}\n\n`).length, 1)
  })
})
