import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CallAction } from '../../action.ts'
import { aCallAction } from '../../approvals.support.ts'
import { sha256 } from '../body/decode-body.ts'
import { show, showCall, valuesOf } from '../shown.support.ts'
import type { Preview, Shown } from '../shown.ts'
import { money } from './stripe.ts'

const json = (origin: string, path: string, body: unknown, over: Partial<CallAction> = {}): Shown =>
  showCall(JSON.stringify(body), 'application/json', { origin, path, ...over })
const form = (origin: string, path: string, body: string, over: Partial<CallAction> = {}): Shown =>
  showCall(body, 'application/x-www-form-urlencoded', { origin, path, ...over })
const factsIn = (preview: Preview | undefined) =>
  Object.fromEntries((preview?.facts ?? []).map(({ name, value }) => [name, value]))

describe('an e-mail by SendGrid', () => {
  const mail = {
    personalizations: [
      { to: [{ email: 'ann@shop.test', name: 'Ann' }], bcc: [{ email: 'eve@evil.test' }] },
      { to: [{ email: 'bob@shop.test' }], subject: 'For Bob' },
    ],
    from: { email: 'pay@shop.test' },
    subject: 'Your invoice\u202e',
    content: [{ type: 'text/plain', value: 'Dear Ann,\npay.' }],
    attachments: [{ filename: 'i.pdf', type: 'application/pdf', content: Buffer.from('%PDF').toString('base64') }],
    asm: { group_id: 1 },
  }
  const send = (body: unknown) => json('https://api.sendgrid.com', '/v3/mail/send', body)

  test('says who gets what', () => {
    const { preview, body, title } = send(mail)
    assert.equal(title, 'E-mail from pay@shop.test to Ann <ann@shop.test> and 1 other: Your invoice⟨U+202E⟩')
    const attachment = `i.pdf (application/pdf, 4 bytes, begins as PDF document, SHA-256 ${sha256(Buffer.from('%PDF'))})`
    assert.deepEqual(factsIn(preview), {
      from: 'pay@shop.test',
      'to (1)': 'Ann <ann@shop.test>',
      'bcc (1)': 'eve@evil.test',
      'to (2)': 'bob@shop.test',
      'subject (2)': 'For Bob',
      subject: 'Your invoice⟨U+202E⟩',
      attachment,
      'other settings': 'asm',
    })
    assert.deepEqual(preview?.texts, [{ name: 'text/plain', lines: ['Dear Ann,', 'pay.'] }])
    assert.equal(body?.kind, 'json')
  })

  for (const odd of [{}, [], { personalizations: 'x' }, { personalizations: [] }, null]) {
    test(`of the shape ${JSON.stringify(odd)} has no preview and its body`, () => {
      const { preview, body } = send(odd)
      assert.equal(preview, undefined)
      assert.ok(body !== undefined)
    })
  }

  test('to another host has no preview', () => {
    assert.equal(json('https://api.sendgrid.com.evil.test', '/v3/mail/send', mail).preview, undefined)
  })

  test('that names somebody twice in one object has no preview', () => {
    const text = JSON.stringify(mail).replace('"subject":"Your', '"from":{"email":"x@y.test"},"subject":"Your')
    const { preview, warnings } = showCall(text, 'application/json', {
      origin: 'https://api.sendgrid.com',
      path: '/v3/mail/send',
    })
    assert.equal(preview, undefined)
    assert.ok(warnings.some((warning) => warning.includes('a name occurs twice')))
  })
})

describe('an e-mail by Gmail', () => {
  const raw = [
    'From: =?utf-8?q?J=C3=BCrgen?= <j@shop.test>',
    'To: "Doe, Ann" <ann@shop.test>,',
    ' bob@shop.test (Bob, the builder)',
    'Cc: c@shop.test',
    'Bcc: eve@evil.test',
    'Subject: =?UTF-8?B?UmVjaG51bmc=?= =?UTF-8?B?IDc=?=',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b1"',
    '',
    '--b1',
    'Content-Type: multipart/alternative; boundary=b2',
    '',
    '--b2',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Gr=C3=BC=C3=9Fe, und eine lange =',
    'Zeile',
    '--b2',
    'Content-Type: text/html; charset=iso-8859-1',
    '',
    '<b>Gr\xfc\xdfe</b>',
    '--b2--',
    '--b1',
    'Content-Type: image/png; name="x.png"',
    'Content-Disposition: attachment; filename="x.png"',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('89504e470d0a1a0a00', 'hex').toString('base64'),
    '--b1--',
    '',
  ].join('\r\n')
  const bytes = Buffer.from(raw, 'latin1')
  const origin = 'https://gmail.googleapis.com'

  for (const [how, shown] of [
    ['as JSON', json(origin, '/gmail/v1/users/me/messages/send', { raw: bytes.toString('base64url') })],
    ['as an upload', showCall(bytes, 'message/rfc822', { origin, path: '/upload/gmail/v1/users/me/messages/send' })],
  ] as const) {
    test(`is read ${how}`, () => {
      const { preview, warnings } = shown
      assert.deepEqual(
        warnings.filter((warning) => !warning.includes('not valid utf-8')),
        [],
      )
      assert.equal(
        preview?.title,
        'E-mail from Jürgen <j@shop.test> to "Doe, Ann" <ann@shop.test> and 3 others: Rechnung 7',
      )
      const { attachment, ...facts } = factsIn(preview)
      assert.deepEqual(facts, {
        from: 'Jürgen <j@shop.test>',
        to: '"Doe, Ann" <ann@shop.test>, bob@shop.test (Bob, the builder)',
        cc: 'c@shop.test',
        bcc: 'eve@evil.test',
        subject: 'Rechnung 7',
      })
      assert.match(attachment ?? '', /^x\.png \(image\/png, 9 bytes, begins as PNG picture, SHA-256 /)
      assert.deepEqual(preview?.texts, [
        { name: 'text/plain', lines: ['Grüße, und eine lange Zeile'] },
        { name: 'text/html', lines: ['<b>Grüße</b>'] },
      ])
    })
  }

  test('with two lines To shows both and warns', () => {
    const two = Buffer.from('To: a@b.test\r\nTo: eve@evil.test\r\n\r\nx').toString('base64url')
    const { preview, warnings } = json(origin, '/gmail/v1/users/me/messages/send', { raw: two })
    assert.deepEqual(valuesOf(preview?.facts, 'to'), ['a@b.test, eve@evil.test'])
    assert.ok(warnings.some((warning) => warning.includes('to twice')))
  })

  test('that is a draft is said not to be sent', () => {
    const { title } = json(origin, '/gmail/v1/users/me/drafts', { message: { raw: bytes.toString('base64url') } })
    assert.match(title, /not sent/)
  })
})

describe('GitHub', () => {
  const origin = 'https://api.github.com'
  for (const [method, path, body, title, facts] of [
    [
      'POST',
      '/repos/o/r/issues',
      { title: 'T', labels: ['a'] },
      'Open an issue in o/r',
      { title: 'T', labels: '["a"]' },
    ],
    ['POST', '/repos/o/r/issues/7/comments', { body: 'hi' }, 'Comment on 7 of o/r', {}],
    [
      'POST',
      '/repos/o/r/pulls',
      { title: 'T', head: 'x', base: 'main' },
      'Open a pull request in o/r: x into main',
      { title: 'T', head: 'x', base: 'main' },
    ],
    [
      'PUT',
      '/repos/o/r/pulls/7/merge',
      { merge_method: 'squash' },
      'Merge pull request 7 of o/r',
      { merge_method: 'squash' },
    ],
    [
      'POST',
      '/repos/o/r/releases',
      { tag_name: 'v1', draft: false },
      'Publish a release in o/r: v1',
      { tag_name: 'v1', draft: 'false' },
    ],
    [
      'POST',
      '/repos/o/r/actions/workflows/ci.yml/dispatches',
      { ref: 'main', inputs: { a: 'b' } },
      'Run the workflow ci.yml of o/r',
      { ref: 'main', inputs: '{"a":"b"}' },
    ],
    [
      'PATCH',
      '/repos/o/r/git/refs/heads/main',
      { sha: 'abc', force: true },
      'Move heads/main of o/r, rewriting history',
      { sha: 'abc', force: 'true' },
    ],
    [
      'DELETE',
      '/repos/o/r/contents/a.txt',
      { message: 'm', sha: 'abc' },
      'Delete a.txt in o/r',
      { message: 'm', branch: 'the default branch', 'replaces the blob': 'abc' },
    ],
  ] as const) {
    test(`${method} ${path} is put in words`, () => {
      const { preview, title: shownTitle } = json(origin, path, body, { method })
      assert.equal(shownTitle, title)
      assert.deepEqual(factsIn(preview), facts)
    })
  }

  test('a file that is written is shown decoded', () => {
    const content = Buffer.from('on: push\n\u202e').toString('base64')
    const { preview, warnings } = json(
      origin,
      '/repos/o/r/contents/.github/workflows/ci.yml',
      { message: 'm', content },
      { method: 'PUT' },
    )
    assert.equal(preview?.title, 'Write .github/workflows/ci.yml in o/r')
    assert.deepEqual(preview?.texts, [{ name: '.github/workflows/ci.yml', lines: ['on: push', '⟨U+202E⟩'] }])
    assert.ok(warnings.some((warning) => warning.includes('changes a workflow')))
  })

  test('deleting a repository is said loudly, without a body', () => {
    const action = aCallAction({ origin, method: 'DELETE', path: '/repos/o/r', headers: [], body: undefined })
    const { preview, warnings } = show({ action })
    assert.match(preview?.title ?? '', /^DELETE the repository o\/r/)
    assert.ok(warnings.some((warning) => warning.includes('cannot be undone')))
  })

  test('elsewhere, or in another shape, has no preview', () => {
    assert.equal(json('https://api.shop.test', '/repos/o/r/issues', { title: 'T' }).preview, undefined)
    assert.equal(json(origin, '/repos/o/r/issues', ['T']).preview, undefined)
    assert.equal(json(origin, '/repos/o/r/unknown', {}).preview, undefined)
  })
})

describe('Slack', () => {
  const origin = 'https://slack.com'
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'see <https://evil.test|our site>' } }]
  for (const [how, shown] of [
    ['JSON', json(origin, '/api/chat.postMessage', { channel: 'C1', text: 'hi\nall', blocks, username: 'CEO' })],
    [
      'a form',
      form(
        origin,
        '/api/chat.postMessage',
        new URLSearchParams({
          channel: 'C1',
          text: 'hi\nall',
          blocks: JSON.stringify(blocks),
          username: 'CEO',
        }).toString(),
      ),
    ],
  ] as const) {
    test(`a message in ${how} is shown with what its blocks say`, () => {
      assert.equal(shown.title, 'Slack message to C1')
      assert.deepEqual(factsIn(shown.preview), { channel: 'C1', username: 'CEO' })
      assert.deepEqual(shown.preview?.texts, [
        { name: 'text', lines: ['hi', 'all'] },
        { name: 'blocks', lines: ['see <https://evil.test|our site>'] },
      ])
    })
  }

  test('arguments that stand in query and form at once have no preview', () => {
    assert.equal(form(origin, '/api/chat.postMessage', 'channel=C1&text=a', { query: 'channel=C2' }).preview, undefined)
  })

  test('conversations and files are put in words', () => {
    assert.equal(
      json(origin, '/api/conversations.invite', { channel: 'C1', users: 'U1,U2' }).title,
      'Invite U1,U2 to C1',
    )
    assert.equal(form(origin, '/api/conversations.archive', 'channel=C1').title, 'Archive the Slack channel C1')
    const file = form(origin, '/api/files.upload', 'channels=C1&filename=a.txt&content=secret+plans')
    assert.equal(file.title, 'Upload a file to Slack: a.txt')
    assert.deepEqual(file.preview?.texts, [{ name: 'content', lines: ['secret plans'] }])
  })
})

describe('Stripe', () => {
  const origin = 'https://api.stripe.com'
  for (const [amount, currency, wanted] of [
    ['123456', 'eur', '1,234.56 EUR'],
    ['5', 'usd', '0.05 USD'],
    ['500', 'jpy', '500 JPY'],
    ['1234', 'kwd', '1.234 KWD'],
    ['-100', 'usd', '-1.00 USD'],
    ['1e9', 'usd', 'an amount that is no number, 1e9'],
    ['100', undefined, '100 of the smallest unit of its currency'],
    ['100', 'xx', '100 of the unknown currency xx'],
  ] as const) {
    test(`writes ${amount} of ${currency} as ${wanted}`, () => assert.equal(money(amount, currency), wanted))
  }

  test('shows a payment with its customer', () => {
    const { title, preview } = form(
      origin,
      '/v1/payment_intents',
      'amount=123456&currency=eur&customer=cus_NffrFeUfNV2Hib&metadata[order]=7',
    )
    assert.equal(title, 'Take a payment 1,234.56 EUR')
    assert.deepEqual(factsIn(preview), {
      amount: '1,234.56 EUR (123456 as sent)',
      currency: 'eur',
      customer: 'cus_NffrFeUfNV2Hib',
      'metadata[order]': '7',
    })
  })

  test('shows that a refund without an amount is for all', () => {
    const { title, preview } = form(origin, '/v1/refunds', 'charge=ch_3MmlLrLkdIwHu7ix0snN0B15')
    assert.equal(title, 'Refund')
    assert.deepEqual(valuesOf(preview?.facts, 'amount'), ['all that is left of the payment'])
  })

  test('shows nested prices in their own currency', () => {
    const { preview } = form(
      origin,
      '/v1/checkout/sessions',
      'line_items[0][price_data][unit_amount]=500&line_items[0][price_data][currency]=jpy',
    )
    assert.deepEqual(valuesOf(preview?.facts, 'line_items[0][price_data][unit_amount]'), ['500 JPY (500 as sent)'])
  })

  test('shows payouts and cancellations, and nothing of what stands there twice', () => {
    assert.equal(form(origin, '/v1/payouts', 'amount=100&currency=usd').title, 'Pay out to the bank 1.00 USD')
    const action = aCallAction({
      origin,
      method: 'DELETE',
      path: '/v1/subscriptions/sub_1',
      headers: [],
      body: undefined,
    })
    assert.equal(show({ action }).title, 'Delete or cancel in subscriptions: sub_1')
    assert.equal(form(origin, '/v1/payouts', 'amount=100&amount=900&currency=usd').preview, undefined)
  })
})
