import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hostileBodies } from '../../../test/generators/bodies.ts'
import { hostileStrings } from '../../../test/generators/hostile-strings.ts'
import { seeded } from '../../../test/generators/seeded.ts'
import type { CallAction, StatedAction } from '../action.ts'
import { aCallAction } from '../approvals.support.ts'
import { shownAsText } from './as-text.ts'
import { NOW, show, showCall, stringsIn, undrawnIn } from './shown.support.ts'
import type { Shown } from './shown.ts'

const SEED = 20_261_121
const MAX_SHOWN = 2_000_000

/** Nothing in it, nor in its text, is undrawn but the text's own line breaks; and neither is longer than it may be. */
function check(shown: Shown, what: string): void {
  for (const text of stringsIn(shown)) assert.equal(undrawnIn(text), undefined, `${what}: ${JSON.stringify(text)}`)
  assert.ok(JSON.stringify(shown).length < MAX_SHOWN, what)
  const text = shownAsText(shown, { maxCharacters: 4_096 })
  assert.ok(text.length <= 4_096, what)
  for (const line of text.split('\n')) assert.equal(undrawnIn(line), undefined, what)
}

const call = (body: Buffer, type: string, over: Partial<CallAction> = {}): Shown => showCall(body, type, over)

describe('what is shown of hostile strings', () => {
  const strings = hostileStrings(SEED, 500)
  test('has nothing undrawn, wherever they stand', () => {
    assert.ok(strings.length >= 300)
    for (const text of strings) {
      const stated: StatedAction = {
        kind: 'stated',
        install: text,
        agent: { id: 'agent_1' as never, name: text },
        action: text,
        risk: 'low',
        context: JSON.stringify({ [text]: [text, { command: text }] }),
        payloadHash: text,
        description: text,
        request: text,
        terms: { assurance: 'tap', lifeSeconds: 1, uses: 1 },
      }
      check(show({ action: stated }), 'stated')
      const over = {
        action: text,
        method: text,
        origin: `https://${text}`,
        path: `/${text}`,
        query: text,
        headers: [[text, text]] as const,
        service: { id: 'srv_1' as never, name: text, version: text },
        credential: { id: 'crd_1' as never, handle: text },
        rules: [{ id: text, name: text, version: 1 }],
      }
      const said = [{ name: text, text }]
      const standing = { trust: text, reasons: [text], findings: [text] }
      check(show({ action: aCallAction(over), said, standing, body: Buffer.alloc(0), contentType: text }), 'call')
    }
  })

  const places: readonly (readonly [type: string, origin: string, path: string, body: (text: string) => string])[] = [
    [
      'application/json',
      'https://api.sendgrid.com',
      '/v3/mail/send',
      (text) =>
        JSON.stringify({
          personalizations: [{ to: [{ email: text, name: text }] }],
          from: { email: text },
          subject: text,
          content: [{ type: text, value: text }],
          attachments: [{ filename: text, type: text, content: text }],
          [text]: 1,
        }),
    ],
    [
      'application/json',
      'https://gmail.googleapis.com',
      '/gmail/v1/users/me/messages/send',
      (text) =>
        JSON.stringify({
          raw: Buffer.from(`To: ${text}\nSubject: ${text}\nContent-Type: ${text}\n\n${text}`).toString('base64url'),
        }),
    ],
    [
      'application/json',
      'https://api.github.com',
      '/repos/o/r/pulls',
      (text) => JSON.stringify({ title: text, head: text, base: text, body: text }),
    ],
    [
      'application/json',
      'https://slack.com',
      '/api/chat.postMessage',
      (text) => JSON.stringify({ channel: text, text, blocks: [{ text: { text } }] }),
    ],
    [
      'application/x-www-form-urlencoded',
      'https://api.stripe.com',
      '/v1/payment_intents',
      (text) => new URLSearchParams({ amount: text, currency: text, [text]: text }).toString(),
    ],
    [
      'multipart/form-data; boundary=x',
      'https://a.test',
      '/',
      (text) =>
        `--x\r\nContent-Disposition: form-data; name="${text}"; filename="${text}"\r\nContent-Type: ${text}\r\n\r\n${text}\r\n--x--`,
    ],
    ['text/plain', 'https://a.test', '/', (text) => text],
  ]
  for (const [type, origin, path, body] of places) {
    test(`has nothing undrawn in a body for ${origin}${path} of ${type}`, () => {
      for (const text of strings) check(call(Buffer.from(body(text)), type, { origin, path }), JSON.stringify(text))
    })
  }
})

describe('what is shown of 10,000 bodies', () => {
  test('is something, and safe to draw', () => {
    const mail = JSON.stringify({
      personalizations: [{ to: [{ email: 'a@b.test' }] }],
      from: { email: 'c@d.test' },
      subject: 's',
      content: [{ type: 'text/plain', value: 'x' }],
    })
    const slack = '{"channel":"C1","text":"hi","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]}'
    const raw = Buffer.from('To: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--')
    const targets = [
      [
        'https://api.sendgrid.com',
        '/v3/mail/send',
        mail,
        ['personalizations', 'from', 'subject', 'content', 'attachments'],
      ],
      [
        'https://api.github.com',
        '/repos/o/r/issues',
        '{"title":"t","labels":["a"],"body":"b"}',
        ['title', 'labels', 'body'],
      ],
      ['https://slack.com', '/api/chat.postMessage', slack, ['channel', 'text', 'blocks', 'attachments']],
      [
        'https://gmail.googleapis.com',
        '/gmail/v1/users/me/messages/send',
        `{"raw":"${raw.toString('base64url')}"}`,
        ['raw'],
      ],
    ] as const
    let count = 0
    for (const [origin, path, valid, members] of targets) {
      for (const { name, type, bytes } of hostileBodies(SEED, members, valid, 1_500)) {
        check(call(bytes, type, { origin, path }), name)
        count++
      }
    }
    const random = seeded(SEED)
    const types = [
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      '',
      'message/rfc822',
    ]
    const codings = ['gzip', 'deflate', 'br', 'zstd', 'identity', 'gzip, br']
    while (count++ < 10_000) {
      const bytes = random.chance(3) ? gzipSync(random.bytes(random.below(200))) : random.bytes(random.below(400))
      const type = random.pick(types)
      const coded = random.chance(2) ? [['content-encoding', random.pick(codings)] as const] : []
      const headers = [['content-type', type] as const, ...coded]
      check(
        call(bytes, type, {
          headers,
          origin: 'https://gmail.googleapis.com',
          path: '/upload/gmail/v1/users/me/messages/send',
        }),
        bytes.toString('hex'),
      )
    }
  })
})

describe('a body of 10 MiB', () => {
  const N = 10 * 1024 ** 2
  const mail = { origin: 'https://gmail.googleapis.com', path: '/upload/gmail/v1/users/me/messages/send' }
  for (const [what, type, body, over] of [
    ['numbers', 'application/json', () => `[${'1,'.repeat(N / 2)}1]`, {}],
    ['lists in lists', 'application/json', () => `[${'[[[[[[[[[[1]]]]]]]]]],'.repeat(N / 22)}1]`, {}],
    ['one depth', 'application/json', () => `${'['.repeat(N / 2)}${']'.repeat(N / 2)}`, {}],
    ['one string', 'application/json', () => `{"a":"${'x'.repeat(N)}","to":"b"}`, {}],
    ['escapes', 'application/json', () => `{"a":"${'\\u202e'.repeat(N / 6)}"}`, {}],
    ['backslashes', 'application/json', () => `{"a":"${'\\\\'.repeat(N / 2)}"}`, {}],
    ['fields', 'application/x-www-form-urlencoded', () => 'a=b&'.repeat(N / 4), {}],
    ['one field', 'application/x-www-form-urlencoded', () => `a=${'%41'.repeat(N / 3)}`, {}],
    ['parts', 'multipart/form-data; boundary=x', () => `${'--x\r\n\r\na\r\n'.repeat(N / 10)}--x--`, {}],
    ['almost parts', 'multipart/form-data; boundary=x', () => `--x\r\n\r\n${'\n--xy'.repeat(N / 5)}`, {}],
    ['overrides', 'text/plain', () => '\u202e'.repeat(N / 3), {}],
    ['empty lines', 'text/plain', () => '\n'.repeat(N), {}],
    ['addresses', 'message/rfc822', () => `To: ${'a,'.repeat(15_000)}\n\n${'x'.repeat(N)}`, mail],
    [
      'soft breaks',
      'message/rfc822',
      () => `Content-Transfer-Encoding: quoted-printable\n\n${'= '.repeat(N / 2)}`,
      mail,
    ],
  ] as const) {
    test(`of ${what} is shown in part, and that is said`, () => {
      const bytes = Buffer.from(body())
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const action = aCallAction({ ...over, headers: [['content-type', type]], body: { bytes: bytes.length, sha256 } })
      const shown = show({ action, body: bytes, now: NOW })
      assert.ok(shown.warnings.length > 0)
      assert.ok(JSON.stringify(shown).length < MAX_SHOWN)
    })
  }
})
