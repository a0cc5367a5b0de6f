import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Canonical, canonicalJson } from '../ground/canonical-json.ts'
import type { IntentRecord, OutcomeRecord } from './contract.ts'
import { quote, whole } from './quote.ts'
import { bodyOf, intentPieces, outcomePieces, recordPieces } from './record-line.ts'

const frame = { monoNode: ',"mono":12,"node":"n1"', ts: ',"ts":1767225600000' }
const prev = 'mJSsq9KnGUpX1CQ2jyRzw72ApHRkWzBiL_nV0Yuf_4U'
const around = { boot: 'b1', mono: 12, node: 'n1', prev, seq: 7, ts: 1767225600000, v: 1 }
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[ -~]{0,40}$/),
)
const count = fc.maxSafeInteger().map(Math.abs)

const intent: fc.Arbitrary<IntentRecord> = fc.record(
  {
    rid: text,
    actor: fc.record({ kind: fc.constant('agent' as const), id: text, key: text }),
    req: fc.record(
      { service: text, method: text, origin: text, path: text, query: text.filter((query) => query !== '') },
      { requiredKeys: ['service', 'method', 'origin', 'path'] },
    ),
    decision: fc.record({ effect: fc.constant('allow' as const), rule: text, policy: count }),
    credential: fc.record({ id: text, version: count }),
  },
  { requiredKeys: ['rid', 'actor', 'req', 'decision'] },
)

const outcome: fc.Arbitrary<OutcomeRecord['outcome']> = fc.record(
  { status: count, bytesIn: count, bytesOut: count, ms: count, error: text },
  { requiredKeys: ['status', 'bytesIn', 'bytesOut', 'ms'] },
)

describe('the hand-written lines', () => {
  test('an intent is what the generic canonical writer makes of it', () => {
    fc.assert(
      fc.property(intent, (record) => {
        const line = `${bodyOf(intentPieces('b1', record), frame, prev, 7)}}`
        assert.equal(line, canonicalJson({ ...record, ...around, type: 'intent' } as unknown as Canonical))
      }),
    )
  })

  test('an intent takes nothing over from another on the same grant', () => {
    const few = (...values: string[]) => fc.constantFrom(...values)
    const alike: fc.Arbitrary<IntentRecord> = fc.record(
      {
        rid: few('call_1', 'call_2'),
        actor: fc.record({ kind: fc.constant('agent' as const), id: few('a', 'b'), key: few('k', 'l') }),
        req: fc.record({
          service: few('s', 't'),
          method: few('GET', 'PUT'),
          origin: few('o', 'p'),
          path: few('/', '/x'),
        }),
        decision: fc.record({ effect: fc.constant('allow' as const), rule: few('grt_1'), policy: fc.nat(1) }),
        credential: fc.record({ id: few('c', 'd'), version: fc.nat(1) }),
      },
      { requiredKeys: ['rid', 'actor', 'req', 'decision'] },
    )
    fc.assert(
      fc.property(few('b1', 'b2'), alike, (boot, record) => {
        const line = `${bodyOf(intentPieces(boot, record), frame, prev, 7)}}`
        assert.equal(line, canonicalJson({ ...record, ...around, boot, type: 'intent' } as unknown as Canonical))
      }),
      { numRuns: 2_000 },
    )
  })

  test('an outcome is what the generic canonical writer makes of it', () => {
    fc.assert(
      fc.property(text, outcome, (rid, figures) => {
        const line = `${bodyOf(outcomePieces('b1', rid, figures), frame, prev, 7)}}`
        assert.equal(line, canonicalJson({ ...around, rid, outcome: { ...figures }, type: 'outcome' }))
      }),
    )
  })

  test('any other record is what the generic canonical writer makes of it', () => {
    fc.assert(
      fc.property(text, text, count, (id, value, epoch) => {
        const record = {
          type: 'key.rotated',
          actor: { kind: 'operator' as const, id },
          epoch,
          ev: { value, list: [id] },
        }
        const line = `${bodyOf(recordPieces('b1', record), frame, prev, 7)}}`
        assert.equal(line, canonicalJson({ ...record, ...around }))
      }),
    )
  })

  test('the outbox id becomes a member of ev', () => {
    const line = `${bodyOf(recordPieces('b1', { type: 'grant', outbox: 9, ev: { id: 'grt_1' } }), frame, prev, 7)}}`
    assert.deepEqual(JSON.parse(line).ev, { id: 'grt_1', outbox: 9 })
  })
})

describe('a line never passes 8 KiB', () => {
  const mark = `,"~g":"128.${'x'.repeat(22)}.4294967295.${'x'.repeat(22)}"}`
  const long: readonly (readonly [string, string])[] = [
    ['ASCII', 'a'.repeat(100_000)],
    ['three bytes each', '€'.repeat(100_000)],
    ['controls', '\u0001'.repeat(100_000)],
    ['half pairs', '\ud83d'.repeat(100_000)],
  ]
  for (const [what, value] of long) {
    test(`an intent for a long path: ${what}`, () => {
      const record: IntentRecord = {
        rid: 'call_1',
        actor: { kind: 'agent', id: 'agent_1', key: 'tok_1' },
        req: { service: 's', method: 'GET', origin: 'o', path: value.toWellFormed(), query: value.toWellFormed() },
        decision: { effect: 'allow', rule: 'grt_1', policy: 1 },
      }
      const body = bodyOf(intentPieces('b1', record), frame, prev, Number.MAX_SAFE_INTEGER)
      assert.ok(Buffer.byteLength(body + mark) <= 8_192)
      assert.match(JSON.parse(`${body}}`).req.path, /~cut:100000:sha256:[\w-]{43}$/)
    })
  }

  test('a record of many members', () => {
    const ev = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`name${i}`, 'value']))
    const body = bodyOf(recordPieces('b1', { type: 'config', ev }), frame, prev, 7)
    assert.ok(Buffer.byteLength(body + mark) <= 8_192)
    assert.deepEqual(Object.keys(JSON.parse(`${body}}`).ev), ['cut', 'sha256'])
  })
})

describe('quote() and whole()', () => {
  test('escape as JSON.stringify does, for every code unit', () => {
    for (let unit = 0; unit < 0x10000; unit += 1) {
      const value = `a${String.fromCharCode(unit)}b`
      assert.equal(quote(value), JSON.stringify(value.toWellFormed()))
    }
  })

  test('make a whole number of anything', () => {
    const cases: readonly (readonly [number, string])[] = [
      [1.5, '2'],
      [-1, '0'],
      [-0, '0'],
      [Number.NaN, '0'],
      [Number.POSITIVE_INFINITY, '0'],
      [1e300, '9007199254740991'],
    ]
    for (const [value, written] of cases) assert.equal(whole(value), written)
  })

  test('a value without canonical form is a bug of the caller', () => {
    assert.throws(() => recordPieces('b1', { type: 'config', ev: { half: 0.5 } }), TypeError)
  })
})
