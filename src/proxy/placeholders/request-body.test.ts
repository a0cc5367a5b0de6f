import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentId, CredentialId, ServiceId, TokenId } from '../../ground/ids.ts'
import { MARK } from '../../ground/placeholder-shape.ts'
import { Secret } from '../../ground/secret.ts'
import type { PlaceholderEntry } from '../../placeholders/contract.ts'
import type { Permit } from '../../policy/permit.ts'
import type { BodyTransform } from '../transform.ts'
import { transformedWhole } from '../transformed-body.ts'
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
  serviceNamed: () => ({ ...service, origins: [] }),
  handleOf: () => 'the-key',
}
const permit = { call: { agent, service: service.id } } as unknown as Permit
const opened = { id: entry.credential, version: 1, value: Secret.fromText(secret) }
const JSON_TYPE = 'application/json; charset=utf-8'
const FORM_TYPE = 'application/x-www-form-urlencoded'

const typed = (type: string) => ['Content-Type', type]

const through = (type: string, of: typeof service | { id: ServiceId; injection: object } = service) =>
  sentBody(book, of, permit, opened, typed(type), undefined) as BodyTransform

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
    const whole = sentBody(
      book,
      { id: service.id, injection: {} },
      permit,
      opened,
      typed(JSON_TYPE),
      Buffer.from('{"a":1}'),
    )
    assert.equal(whole, undefined)
    const unused = { ...book, inUse: false }
    assert.equal(
      sentBody(unused, { id: service.id, injection: {} }, permit, opened, typed(JSON_TYPE), undefined),
      undefined,
    )
  })
})

/** What another reader may find another field in than we do: `PH` is a placeholder, or the handle. */
const doubtful: readonly (readonly [type: string, body: string | Buffer])[] = [
  ['application/json; charset=utf-7', '{"key":+ACI-x+ACI-+ACw-+ACI-text+ACI-:"PH"}'],
  ['application/json; charset="shift_jis"', '{"key":"PH"}'],
  ['application/json;charset*=utf-7', '{"key":"PH"}'],
  ['application/json; charset=utf-8;', '{"key":"PH"}'],
  ['application/json, text/plain', '{"key":"PH"}'],
  ['text/json', '{"key":"PH"}'],
  [JSON_TYPE, Buffer.concat([Buffer.from('{"key":"'), Buffer.from([0x83, 0x5c]), Buffer.from('","text":"\\"PH"}')])],
  [JSON_TYPE, Buffer.from('{"x":"\xe9","key":"PH"}', 'latin1')],
  [JSON_TYPE, `{"key":'"', 'text':'" "PH"'}`],
  [JSON_TYPE, '{"key":/*"*/"x","text":/*"*/"PH"}'],
  [JSON_TYPE, '{// "\n"key":"PH"}'],
  [JSON_TYPE, '\ufeff{"key":"PH"}'],
  [JSON_TYPE, 'not json at all "key" "PH"'],
  [JSON_TYPE, '{"key" x "PH" '],
  [JSON_TYPE, '{"key" "PH"}'],
  [JSON_TYPE, '{"a":1,,"key":"PH"}'],
  [JSON_TYPE, '{"a":01,"key":"PH"}'],
  [JSON_TYPE, '{"a":"\n","key":"PH"}'],
  [JSON_TYPE, '{"a":"\\x","key":"PH"}'],
  [JSON_TYPE, '"a" {"key":"PH"}'],
  [JSON_TYPE, '{"key":"PH"} {}'],
  [JSON_TYPE, '{"key":"PH",}'],
  [JSON_TYPE, '{"key":"PH"'],
  [JSON_TYPE, '{"key":"x","k\\u0065y":"PH"}'],
  [JSON_TYPE, '{"key":"PH","key":1}'],
  [JSON_TYPE, '{"auth":1,"auth":{"~a/b":"PH"}}'],
  [JSON_TYPE, `${'['.repeat(200)}{"key":"PH"}`],
  [FORM_TYPE, 'a=1;text=2&key=PH'],
  [FORM_TYPE, 'key=PH&a=1;text=2'],
  [FORM_TYPE, 'key=x&key=PH'],
  [FORM_TYPE, 'key=PH&k%65y=x'],
  [FORM_TYPE, 'a=\u00e9&key=PH'],
  [FORM_TYPE, 'a\r\nkey=1&key=PH'],
  [FORM_TYPE, '_charset_=utf-7&key=PH'],
  [`${FORM_TYPE}; charset=utf-16`, 'key=PH'],
]

describe('a body whose fields another reader may see elsewhere', () => {
  const with_ = (body: string | Buffer, it: string) =>
    Buffer.from(Buffer.from(body).toString('latin1').replace('PH', it), 'latin1')

  for (const [type, body] of doubtful) {
    test(`gets no secret, and goes on only without a placeholder: ${type}: ${body.toString('latin1').slice(-60)}`, async () => {
      for (const it of [text, 'clv_handle_the-key']) {
        const bytes = with_(body, it)
        const whole = sentBody(book, service, permit, opened, typed(type), bytes) as BodyTransform
        await assert.rejects(transformedWhole(bytes, whole), { code: 'placeholder_unreadable' })
        for (let at = 1; at < bytes.length; at += 1) {
          const out: Buffer[] = []
          const transform = through(type)
          const emit = (piece: Buffer) => void out.push(Buffer.from(piece))
          assert.throws(
            () => {
              for (const piece of [bytes.subarray(0, at), bytes.subarray(at)]) void transform.push(piece, emit)
              void transform.flush(emit)
            },
            { code: /^placeholder_(?:unreadable|misplaced)$/ },
            `cut at ${at}`,
          )
          assert.ok(!Buffer.concat(out).includes(it), `cut at ${at}`)
        }
      }
      const calm = with_(body, 'nothing')
      assert.deepEqual(passed(through(type), [calm]), calm)
    })
  }

  test('is refused whatever it holds where a content coding hides it, and nothing is shown of it', async () => {
    for (const [name, coding] of [
      ['Content-Encoding', 'br'],
      ['content-encoding', 'identity, gzip'],
      ['content_encoding', 'x'],
    ] as const) {
      for (const type of [JSON_TYPE, FORM_TYPE, 'application/json; charset=utf-7', '']) {
        const headers = [...(type === '' ? [] : typed(type)), name, coding]
        const bytes = Buffer.from(`{"key":"${text}"}`)
        const unreadable = { code: 'placeholder_unreadable' }
        assert.throws(() => sentBody(book, service, permit, opened, headers, undefined), unreadable)
        assert.throws(() => sentBody(book, service, permit, opened, headers, bytes), unreadable)
        assert.throws(() => sentBody(book, service, permit, opened, headers, Buffer.from('x')), unreadable)
        await assert.rejects(shownBody(book, service, agent, headers, bytes), unreadable)
      }
    }
    const plain = [...typed(JSON_TYPE), 'Content-Encoding', 'Identity']
    const sent = sentBody(book, service, permit, opened, plain, undefined) as BodyTransform
    assert.ok(passed(sent, [Buffer.from(`{"key":"${text}"}`)]).includes('real'))
    const other = { id: service.id, injection: {} }
    const coded = [...typed(JSON_TYPE), 'content-encoding', 'br']
    assert.equal(sentBody(book, other, permit, opened, coded, Buffer.from('x')), undefined)
  })

  test('is no form with a pointer for a name, and is found in escapes whatever its type looks like', () => {
    const nested = { ...service, bodyFields: new Set(['/auth/key']) }
    assert.throws(() => passed(through(FORM_TYPE, nested), [Buffer.from(`auth/key=${text}`)]), {
      code: 'placeholder_misplaced',
    })
    const spelled = Buffer.from(`{"x":"${text.replace('c', '\\u0063')}"}`)
    for (const type of ['application/json\t; charset=utf-8', 'text/json', 'application/x-ndjson'])
      assert.throws(() => passed(through(type), [spelled]), { code: /^placeholder_/ }, type)
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
    const shown = await shownBody(book, service, agent, typed(JSON_TYPE), Buffer.from(`{"key":"${text}"}`))
    assert.equal(shown.toString(), '{"key":"clv_handle_the-key"}')
    const misplaced = shownBody(book, service, agent, typed(JSON_TYPE), Buffer.from(`{"x":"${text}"}`))
    await assert.rejects(misplaced, { code: 'placeholder_misplaced' })
    const others = shownBody(book, service, 'agent_2' as AgentId, typed(JSON_TYPE), Buffer.from(`{"key":"${text}"}`))
    await assert.rejects(others, { code: 'placeholder_unknown' })
  })
})
