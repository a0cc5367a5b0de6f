import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hostHeader, originMatches, parseOrigin } from './origin.ts'

const runs = process.env.PROVING === '1' ? 100_000 : 5_000

describe('parseOrigin()', () => {
  const accepted: readonly [string, string][] = [
    ['https://api.example.com', 'https://api.example.com:443'],
    ['https://API.Example.com:8443/', 'https://api.example.com:8443'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['https://[2606:4700::1111]', 'https://[2606:4700::1111]:443'],
    ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example:443'],
    ['https://*.slack.com', 'https://*.slack.com:443'],
  ]
  for (const [text, href] of accepted) {
    test(`reads ${text}`, () => assert.equal(parseOrigin(text, { wildcard: true }).href, href))
  }

  const refused = [
    '',
    'api.example.com',
    'ftp://x.example',
    '//x.example',
    'https://',
    'https:///x',
    'https://u@x.example',
    'https://u:p@x.example',
    'https://x.example\\@e.example',
    'https://x.example/path',
    'https://x.example?q',
    'https://x.example#f',
    'https://x.example.',
    'https://.x.example',
    'https://a..b.example',
    'https://x.example:',
    'https://x.example:0',
    'https://x.example:0443',
    'https://x.example:65536',
    'https://x.example:4 43',
    'https://x.example:22',
    'https://x.example:25',
    'https://x.example:6379',
    'https://x%2eexample',
    'https://x\texample',
    'https://x.example\n',
    ' https://x.example',
    'https://x.example\0',
    'https://bücher.example',
    'https://１２７.0.0.1',
    'https://x。example',
    'https://127.1',
    'https://0x7f000001',
    'https://2130706433',
    'https://0177.0.0.1',
    'https://127.0.0.1.',
    'https://1.2.3',
    'https://[::1%25eth0]',
    'https://[0:0:0:0:0:0:0:1]',
    'https://[::ffff:127.0.0.1]',
    'https://-a.example',
    'https://a-.example',
    `https://${'a'.repeat(64)}.example`,
    `https://${'a.'.repeat(127)}example`,
  ]
  for (const text of refused) {
    test(`refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
      assert.throws(() => parseOrigin(text, { wildcard: true }), { code: 'origin_invalid' })
    })
  }

  for (const base of [
    'com',
    'co.uk',
    'github.io',
    'vercel.app',
    's3.amazonaws.com',
    'amazonaws.com',
    'kawasaki.jp',
    'compute.amazonaws.com',
    'zendesk.com',
    'localhost',
    '*.slack.com',
    '127.0.0.1',
    '[::1]',
    'herokuapp.com',
    'pages.dev',
    'atlassian.net',
  ]) {
    test(`refuses the wildcard *.${base}`, () => {
      assert.throws(() => parseOrigin(`https://*.${base}`, { wildcard: true }), { code: 'origin_invalid' })
    })
  }

  test('refuses every wildcard unless it was asked for', () => {
    assert.throws(() => parseOrigin('https://*.slack.com'), { code: 'origin_invalid' })
    assert.throws(() => parseOrigin('https://a.*.slack.com', { wildcard: true }), { code: 'origin_invalid' })
    assert.throws(() => parseOrigin('https://a*.slack.com', { wildcard: true }), { code: 'origin_invalid' })
  })

  test('takes a bad port where any port is wanted', () => {
    assert.equal(parseOrigin('http://127.0.0.1:6379', { anyPort: true }).port, 6379)
  })
})

describe('originMatches()', () => {
  const wild = parseOrigin('https://*.slack.com', { wildcard: true })
  const cases: readonly [string, boolean][] = [
    ['a.slack.com', true],
    ['hooks.slack.com', true],
    ['slack.com', false],
    ['.slack.com', false],
    ['evilslack.com', false],
    ['a.b.slack.com', false],
    ['slack.com.evil', false],
    ['a.slack.com.evil', false],
    ['aslack.com', false],
    ['a.slack.com.', false],
    ['*.slack.com', false],
    ['a..slack.com', false],
    ['a.slackxcom', false],
    ['', false],
    ['a/.slack.com', false],
    ['a@b.slack.com', false],
    ['-a.slack.com', false],
    ['a%2e.slack.com', false],
    ['A.slack.com', false],
    ['a.slack.com:443', false],
  ]
  for (const [host, matches] of cases) {
    test(`says ${matches} to ${host || '(empty)'}`, () =>
      assert.equal(originMatches(wild, host, 443, 'https'), matches))
  }

  test('holds port and scheme equal', () => {
    assert.equal(originMatches(wild, 'a.slack.com', 444, 'https'), false)
    assert.equal(originMatches(wild, 'a.slack.com', 443, 'http'), false)
  })

  test('matches exactly when the labels after the first equal the suffix', () => {
    const label = fc.constantFrom('a', 'b', 'slack', 'com', 'evil', 'x-y', '', '*', 'evilslack')
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
        const expected =
          labels.length === 3 && /^[a-z-]+$/.test(labels[0]!) && labels.slice(1).join('.') === 'slack.com'
        assert.equal(originMatches(wild, labels.join('.'), 443, 'https'), expected)
      }),
      { numRuns: runs },
    )
  })
})

test('hostHeader() leaves the default port out', () => {
  assert.equal(hostHeader(parseOrigin('https://x.example')), 'x.example')
  assert.equal(hostHeader(parseOrigin('http://x.example:443')), 'x.example:443')
  assert.equal(hostHeader(parseOrigin('https://[2606::1]:8443')), '[2606::1]:8443')
})
