import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hostileStrings } from '../../../../test/generators/hostile-strings.ts'
import { MailServer } from '../../../../test/instruments/mail-server.ts'
import { addressSet } from '../../../ground/addresses.ts'
import { createMailer } from '../../../http/mail.ts'
import { createResolver } from '../../../http/resolve.ts'
import { aCallAction } from '../../approvals.support.ts'
import type { Approval } from '../../contract.ts'
import { NewChannel } from '../contract.ts'
import { MailAddress } from './account.ts'
import { letterAbout } from './letter.ts'

const SEED = 20_261_121
const PAGE = { url: 'https://claviger.example.com/approvals/apr_1', thisMachineOnly: false }

const approvalOf = (name: string): Approval => {
  const { agent, service, ...rest } = aCallAction()
  const action = { ...rest, agent: { ...agent, name }, service: { ...service, name } }
  return { id: 'apr_1', action, expiresAt: 0 } as unknown as Approval
}

const injected = [
  'robot\r\nBcc: evil@evil.test',
  'robot\nBcc: evil@evil.test',
  'robot\rBcc: evil@evil.test',
  'robot\r\n\r\n<html>',
  'robot\r\n.\r\nMAIL FROM:<evil@evil.test>',
  'robot\u0000',
  'robot\u2028Bcc: evil@evil.test',
  'robot\u0085Bcc: evil@evil.test',
  '=?utf-8?q?Bcc:_evil=40evil.test?=',
  'robot" <evil@evil.test>, "x',
  'http://evil.test/login',
  'evil.test',
  'www.evil.test',
  'mailto:evil@evil.test',
  '\u202egnp.exe',
  'x'.repeat(10_000),
]

describe('letterAbout()', () => {
  test('is three sentences, two names and a link, whatever an agent calls itself', async () => {
    for (const name of [...injected, ...hostileStrings(SEED, 300)]) {
      const { subject, text } = letterAbout(approvalOf(name), PAGE)
      assert.match(subject, /^Claviger: "[\p{L}\p{N} _·-]{0,128}…?" asks$/u, JSON.stringify(name))
      const lines = text.split('\r\n')
      assert.equal(lines.length, 7, JSON.stringify(name))
      assert.match(
        lines[0] as string,
        /^The agent "[\p{L}\p{N} _·-]{0,128}…?" asks, for "[\p{L}\p{N} _·-]{0,128}…?"\.$/u,
      )
      assert.equal(lines[3], PAGE.url)
      assert.ok(!/[\r\n]/.test(lines.join('')), JSON.stringify(name))
    }
  })

  test('brings no header and no recipient into a mail (header injection)', async () => {
    await using server = await MailServer.start()
    const mailer = createMailer({ resolver: createResolver() })
    const at = { host: '127.0.0.1', port: server.port, tls: 'off', allowed: addressSet(['127.0.0.1']) } as const
    for (const name of injected) {
      const letter = letterAbout(approvalOf(name), PAGE)
      await mailer.send(at, { from: 'claviger@example.com', to: 'ann@example.com', ...letter })
      const { to, text } = server.received.at(-1) as (typeof server.received)[0]
      assert.deepEqual(to, ['ann@example.com'])
      const [head = ''] = text.split('\r\n\r\n')
      const names = [...head.matchAll(/^([!-9;-~]+):/gm)].map(([, header]) => (header as string).toLowerCase()).sort()
      const usual = [
        'content-transfer-encoding',
        'content-type',
        'date',
        'from',
        'message-id',
        'mime-version',
        'subject',
        'to',
      ]
      assert.deepEqual(names, usual, JSON.stringify(name))
    }
  })
})

describe('MailAddress', () => {
  test('is one plain address', () => {
    for (const text of ['ann@example.com', 'a.b+c@mail.example.com', "o'neil@example.com", 'root@localhost'])
      assert.equal(MailAddress.safeParse(text).success, true, text)
    const refused = [
      '',
      'ann',
      '@example.com',
      'ann@',
      'ann@example.com, evil@evil.test',
      'ann@example.com;evil@evil.test',
      'Ann <ann@example.com>',
      '"ann x"@example.com',
      'ann@example.com\r\nRCPT TO:<evil@evil.test>',
      'ann@example.com\n',
      'ann @example.com',
      'ann@exa mple.com',
      'ann@[127.0.0.1]',
      'ann@-example.com',
      'ann@example..com',
      '.ann@example.com',
      'ann..x@example.com',
      'ann(comment)@example.com',
      'ann@example.com>',
      'änn@example.com',
      'ann\u0000@example.com',
      `${'a'.repeat(65)}@example.com`,
      `ann@${'a.'.repeat(200)}com`,
    ]
    for (const text of refused) assert.equal(MailAddress.safeParse(text).success, false, JSON.stringify(text))
  })
})

describe('NewChannel of the kind email', () => {
  const account = { kind: 'email', host: 'smtp.example.com', from: 'claviger@example.com' }
  test('is spoken to by TLS, but for one on this machine', () => {
    const cases: readonly [object, boolean][] = [
      [{}, true],
      [{ tls: 'implicit' }, true],
      [{ tls: 'off' }, false],
      [{ tls: 'off', host: '10.0.0.25' }, false],
      [{ tls: 'off', host: 'localhost' }, true],
      [{ tls: 'off', host: '127.0.0.1' }, true],
      [{ tls: 'off', host: '127.0.0.1.evil.test' }, false],
      [{ host: 'smtp.example.com\r\nx' }, false],
      [{ user: 'claviger' }, false],
      [{ password: 'x' }, false],
      [{ user: 'claviger', password: 'x' }, true],
      [{ more: 1 }, false],
    ]
    for (const [more, good] of cases) {
      assert.equal(NewChannel.safeParse({ ...account, ...more }).success, good, JSON.stringify(more))
    }
  })
})
