import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import { checkHead, hostNames } from './check-head.ts'

const hosts = hostNames('127.0.0.1', 4317, ['gate.example.com', 'other.example.com:443'])

function head(url: string, ...rawHeaders: string[]): IncomingMessage {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2)
    headers[(rawHeaders[i] as string).toLowerCase()] ??= rawHeaders[i + 1] as string
  return { url, rawHeaders, headers } as unknown as IncomingMessage
}

describe('checkHead()', () => {
  const good = [
    '127.0.0.1:4317',
    'localhost:4317',
    'LOCALHOST:4317',
    '[::1]:4317',
    'gate.example.com',
    'gate.example.com:4317',
    'other.example.com:443',
  ]
  for (const host of good) {
    test(`answers to ${host}`, () => assert.equal(checkHead(head('/', 'Host', host), hosts), undefined))
  }

  const strange = [
    '',
    'evil.test',
    'evil.test:4317',
    '127.0.0.1',
    '127.0.0.1:80',
    '127.0.0.1:4318',
    'localhost',
    'localhost.:4317',
    '127.0.0.1.:4317',
    '127.0.0.1.evil.test:4317',
    'evil.test@127.0.0.1:4317',
    '127.1:4317',
    '2130706433:4317',
    '0x7f.1:4317',
    '0.0.0.0:4317',
    '[::]:4317',
    '[::ffff:127.0.0.1]:4317',
    '127.0.0.1:04317',
    '127.0.0.1:4317 ',
    '127.0.0.1:4317,evil.test',
    'ｌｏｃａｌｈｏｓｔ:4317',
  ]
  for (const host of strange) {
    test(`refuses Host ${JSON.stringify(host)} with 421`, () => {
      assert.equal(checkHead(head('/', 'Host', host), hosts)?.code, 'host_refused')
    })
  }

  test('refuses a request without Host', () => assert.equal(checkHead(head('/'), hosts)?.status, 421))

  test('refuses two Host headers, whatever their case', () => {
    assert.equal(
      checkHead(head('/', 'Host', '127.0.0.1:4317', 'hOST', '127.0.0.1:4317'), hosts)?.code,
      'header_conflict',
    )
  })

  for (const target of ['*', 'http://127.0.0.1:4317/', 'evil.test:443', '', '?a=b']) {
    test(`refuses the target form ${JSON.stringify(target)}`, () => {
      assert.equal(checkHead(head(target, 'Host', 'localhost:4317'), hosts)?.code, 'target_form_refused')
    })
  }

  test('bounds the length of the target and the number of headers', () => {
    assert.equal(checkHead(head(`/${'a'.repeat(8192)}`, 'Host', 'localhost:4317'), hosts)?.code, 'target_too_long')
    const many = Array.from({ length: 101 }, (_, i) => [`X-${i}`, 'y']).flat()
    assert.equal(checkHead(head('/', 'Host', 'localhost:4317', ...many), hosts)?.code, 'headers_too_large')
  })

  test('refuses what a page of another site sends', () => {
    assert.equal(
      checkHead(head('/', 'Host', 'localhost:4317', 'Sec-Fetch-Site', 'cross-site'), hosts)?.code,
      'cross_site_refused',
    )
  })

  test('answers without a port on the one that clients leave out', () => {
    const answers = (port: number, usual?: number) => hostNames('10.1.2.3', port, [], usual).has('10.1.2.3')
    assert.deepEqual([answers(80), answers(443), answers(443, 443), answers(80, 443)], [true, false, true, false])
  })

  test('asks for no Host on a Unix socket', () =>
    assert.equal(checkHead(head('/', 'Host', 'anything'), undefined), undefined))
})
