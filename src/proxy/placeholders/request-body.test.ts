import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentId, CredentialId, ServiceId, TokenId } from '../../ground/ids.ts'
import { MARK } from '../../ground/placeholder-shape.ts'
import { Secret } from '../../ground/secret.ts'
import type { PlaceholderEntry } from '../../placeholders/contract.ts'
import type { Permit } from '../../policy/permit.ts'
import type { BodyTransform } from '../transform.ts'
import type { PlaceholderBook } from './book.ts'
import { MarkWatch } from './mark-scan.ts'
import { sentBody, shownBody } from './request-body.ts'

const run = `${MARK}0123456789AbcdefGHIJ`
const text = `sk-${run}`
const secret = 'the"real\\one'
const agent = 'agent_1' as AgentId
const service = { id: 'srv_1' as ServiceId, injection: { kind: 'body' }, bodyFields: new Set(['/key', '/auth/~0a~1b']) }
const entry: PlaceholderEntry = {
  ...{ id: 'clv_ph_1', agent, token: 'tok_1' as TokenId, service: service.id, credential: 'crd_1' as CredentialId },
  ...{ before: 'sk-', variables: [], createdAt: 0, expiresAt: 1, told: { placeholder: 'clv_ph_1' } },
}
const book: PlaceholderBook = {
  inUse: true,
  find: (asked) => (asked === run ? entry : undefined),
  isLive: () => true,
  serviceNamed: () => service,
  handleOf: () => 'the-key',
}
const permit = { call: { agent, service: service.id } } as unknown as Permit
const opened = { id: entry.credential, version: 1, value: Secret.fromText(secret) }
const JSON_TYPE = 'application/json; charset=utf-8'
const FORM_TYPE = 'application/x-www-form-urlencoded'

const through = (type: string, of: typeof service | { id: ServiceId; injection: object } = service) =>
  sentBody(book, of, permit, opened, type, undefined) as BodyTransform

function passed(transform: BodyTransform, pieces: readonly Buffer[]): Buffer {
  const out: Buffer[] = []
  const emit = (piece: Buffer) => void out.push(Buffer.from(piece))
  for (const piece of pieces) if (piece.length > 0) void transform.push(piece, emit)
  void transform.flush(emit)
  return Buffer.concat(out)
}

const bodies: readonly (readonly [type: string, body: string, sent: string])[] = [
  [JSON_TYPE, `{"a":[{"key":"x"}],"key":"${text}","n":1}`, `{"a":[{"key":"x"}],"key":${JSON.stringify(secret)},"n":1}`],
  [JSON_TYPE, `{"auth":{"~a/b":"${text}","c":"d"}}`, `{"auth":{"~a/b":${JSON.stringify(secret)},"c":"d"}}`],
  [JSON_TYPE, `{"k\\u0065y":"\\u0073k-${run}"}`, `{"k\\u0065y":${JSON.stringify(secret)}}`],
  [
    JSON_TYPE,
    `{"key":"clv_handle_the-key","keys":"clv_handle_the-key"}`,
    `{"key":${JSON.stringify(secret)},"keys":"clv_handle_the-key"}`,
  ],
  [JSON_TYPE, `{"key":"${'long'.repeat(300)}","é":"\\"{[","x":{"y":[[],{}]}}`, ''],
  [JSON_TYPE, `}{"key":[1,2`, ''],
  [FORM_TYPE, `a=1&key=${text}&b=2&key`, `a=1&key=the%22real%5Cone&b=2&key`],
  [FORM_TYPE, `k%65y=%73k-${run}`, `k%65y=the%22real%5Cone`],
  [FORM_TYPE, `key=${'long'.repeat(900)}&x=%zz&=&&`, ''],
  ['text/plain', `${MARK.slice(0, 9)} ${MARK.slice(0, 5)}${MARK.slice(0, 9)}`, ''],
]

describe('a body that streams', () => {
  for (const [type, body, sent] of bodies) {
    test(`comes out the same wherever it is cut: ${body.slice(0, 40)}`, () => {
      const bytes = Buffer.from(body)
      const wanted = sent === '' ? body : sent
      assert.equal(passed(through(type), [bytes]).toString(), wanted)
      for (let at = 1; at < bytes.length; at += 1) {
        assert.equal(
          passed(through(type), [bytes.subarray(0, at), bytes.subarray(at)]).toString(),
          wanted,
          `cut at ${at}`,
        )
      }
      assert.equal(
        passed(
          through(type),
          Array.from(bytes, (byte) => Buffer.from([byte])),
        ).toString(),
        wanted,
      )
    })
  }

  test('is stopped by a mark in any other place before its last byte went on, wherever it is cut', () => {
    const escapedMark = MARK.replaceAll(/./g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)
    const percent = MARK.replaceAll(/./g, (char) => `%${char.charCodeAt(0).toString(16)}`)
    const wrong: readonly (readonly [type: string, body: string])[] = [
      [JSON_TYPE, `{"x":"${text}"}`],
      [JSON_TYPE, `{"key":"Bearer ${text}"}`],
      [JSON_TYPE, `{"${text}":1}`],
      [JSON_TYPE, `{"x":"${escapedMark}"}`],
      [JSON_TYPE, `{"key":["${text}"]}`],
      [JSON_TYPE, `{"key":"${'long'.repeat(300)}${text}"}`],
      [FORM_TYPE, `x=${text}`],
      [FORM_TYPE, `x=${percent}`],
      [FORM_TYPE, `key=${'long'.repeat(900)}${text}`],
      ['application/octet-stream', `\0\0${text}\0`],
      ['text/plain', text],
    ]
    for (const [type, body] of wrong) {
      const bytes = Buffer.from(body)
      for (let at = 0; at < bytes.length; at += 1) {
        const transform = through(type)
        const out: Buffer[] = []
        const emit = (piece: Buffer) => void out.push(Buffer.from(piece))
        assert.throws(
          () => {
            for (const piece of [bytes.subarray(0, at), bytes.subarray(at)])
              if (piece.length > 0) void transform.push(piece, emit)
            void transform.flush(emit)
          },
          { code: 'placeholder_misplaced' },
          `${body.slice(0, 40)} at ${at}`,
        )
        assert.ok(!Buffer.concat(out).includes(MARK))
      }
    }
  })

  test('is left alone, in its length too, where the service has no such field', () => {
    const transform = through('application/octet-stream', { id: service.id, injection: {} })
    assert.equal(transform.keepsLength, true)
    const bytes = Buffer.from(`x${MARK.slice(0, 9)}`)
    const out: Buffer[] = []
    void transform.push(bytes, (piece) => void out.push(piece))
    assert.deepEqual(out, [bytes], 'at once: its end may be what the service waits for')
    const whole = sentBody(book, { id: service.id, injection: {} }, permit, opened, JSON_TYPE, Buffer.from('{"a":1}'))
    assert.equal(whole, undefined)
    const unused = { ...book, inUse: false }
    assert.equal(sentBody(unused, { id: service.id, injection: {} }, permit, opened, JSON_TYPE, undefined), undefined)
  })
})

describe('messages that go over as they come', () => {
  test('are stopped when the mark becomes whole, in whatever pieces it comes, and at nothing else', () => {
    const bytes = Buffer.from(`before ${text}`)
    for (let at = 0; at < bytes.length; at += 1) {
      const watch = new MarkWatch()
      assert.throws(
        () => {
          for (const piece of [bytes.subarray(0, at), bytes.subarray(at)]) watch.see(piece)
        },
        { code: 'placeholder_misplaced' },
        `cut at ${at}`,
      )
    }
    const watch = new MarkWatch()
    const one = [...bytes.subarray(0, bytes.indexOf(MARK) + MARK.length - 1)]
    for (const byte of one) watch.see(Buffer.from([byte]))
    assert.throws(() => watch.see(Buffer.from(MARK.at(-1) as string)), { code: 'placeholder_misplaced' })
    const calm = new MarkWatch()
    for (const piece of [MARK.slice(0, 9), 'x', MARK.slice(1), '']) calm.see(Buffer.from(piece))
  })
})

describe('a body that is shown', () => {
  test('has the handle where the secret will stand, and is refused with a placeholder anywhere else', async () => {
    const shown = await shownBody(book, service, agent, JSON_TYPE, Buffer.from(`{"key":"${text}"}`))
    assert.equal(shown.toString(), '{"key":"clv_handle_the-key"}')
    const misplaced = shownBody(book, service, agent, JSON_TYPE, Buffer.from(`{"x":"${text}"}`))
    await assert.rejects(misplaced, { code: 'placeholder_misplaced' })
    const others = shownBody(book, service, 'agent_2' as AgentId, JSON_TYPE, Buffer.from(`{"key":"${text}"}`))
    await assert.rejects(others, { code: 'placeholder_unknown' })
  })
})
