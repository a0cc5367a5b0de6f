import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import { addressSet } from '../ground/addresses.ts'
import { clientAddresses } from './client-address.ts'
import { httpsRequirement } from './require-https.ts'

const trusted = addressSet(['10.0.0.0/8', '127.0.0.1', 'fd00::/16'])
const clientOf = clientAddresses(trusted)

/** A request as node:http gives it, over plain TCP from `peer`. `lines` are raw headers, `Name: value`. */
function from(peer: string | undefined, ...lines: string[]): IncomingMessage {
  const rawHeaders = lines.flatMap((line) => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  return { socket: { remoteAddress: peer }, rawHeaders } as unknown as IncomingMessage
}

function overTls(request: IncomingMessage): IncomingMessage {
  Object.assign(request.socket, { encrypted: true })
  return request
}

const said = (request: IncomingMessage) => {
  const { address, secure, loopback } = clientOf(request)
  return [address, secure ? 'https' : 'http', loopback ? 'loopback' : 'beyond'].join(' ')
}

describe('clientAddresses()', () => {
  const direct: readonly (readonly [peer: string | undefined, says: string])[] = [
    ['203.0.113.9', '203.0.113.9 http beyond'],
    ['::ffff:203.0.113.9', '203.0.113.9 http beyond'],
    ['::ffff:cb00:7109', '203.0.113.9 http beyond'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1 http beyond'],
    ['fe80::1%eth0', 'fe80::1 http beyond'],
    ['127.0.0.1', '127.0.0.1 http loopback'],
    ['127.8.8.8', '127.8.8.8 http loopback'],
    ['::1', '::1 http loopback'],
    ['::ffff:127.0.0.1', '127.0.0.1 http loopback'],
    ['10.1.1.1', '10.1.1.1 http beyond'],
    [undefined, '0.0.0.0 http beyond'],
  ]
  for (const [peer, says] of direct) test(`${peer} itself is ${says}`, () => assert.equal(said(from(peer)), says))

  test('a TLS connection is secure', () => assert.equal(said(overTls(from('203.0.113.9'))), '203.0.113.9 https beyond'))

  const spoofs = [
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: https',
    'Forwarded: for=127.0.0.1;proto=https',
    'X-Real-IP: 127.0.0.1',
    'Via: 1.1 proxy',
  ]
  for (const line of spoofs) {
    test(`a peer that is not trusted gains nothing by ${line}`, () => {
      assert.equal(said(from('203.0.113.9', line)), '203.0.113.9 http beyond')
      assert.equal(said(from('::ffff:203.0.113.9', ...spoofs)), '203.0.113.9 http beyond')
    })
  }

  const believed: readonly (readonly [lines: readonly string[], says: string])[] = [
    [['X-Forwarded-For: 203.0.113.9'], '203.0.113.9 http'],
    [['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https'], '203.0.113.9 https'],
    [['x-forwarded-for: 203.0.113.9', 'X-FORWARDED-PROTO: HTTPS'], '203.0.113.9 https'],
    [['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: http'], '203.0.113.9 http'],
    // What the client sent itself stands left, and is not looked at.
    [['X-Forwarded-For: 127.0.0.1, 203.0.113.9'], '203.0.113.9 http'],
    [['X-Forwarded-For: "; garbage,,, 203.0.113.9'], '203.0.113.9 http'],
    [['X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.7.7.7,127.0.0.1'], '203.0.113.9 http'],
    [['X-Forwarded-For: 198.51.100.1 \t,\t10.7.7.7'], '198.51.100.1 http'],
    [['X-Forwarded-For: 10.7.7.7, 10.8.8.8'], '10.7.7.7 http'],
    [['X-Forwarded-For: 203.0.113.9:4711'], '203.0.113.9 http'],
    [['X-Forwarded-For: [2001:db8::9]:4711'], '2001:db8::9 http'],
    [['X-Forwarded-For: 2001:DB8::9'], '2001:db8::9 http'],
    [['X-Forwarded-For: ::ffff:203.0.113.9'], '203.0.113.9 http'],
    [['X-Forwarded-For: 203.0.113.9, fd00::7'], '203.0.113.9 http'],
    // This machine's own clients skip limits: nobody becomes one by what a proxy says.
    [['X-Forwarded-For: 127.0.0.1'], '0.0.0.0 http'],
    [['X-Forwarded-For: ::1', 'X-Forwarded-Proto: https'], '0.0.0.0 https'],
    [['X-Forwarded-For: 127.0.0.2'], '0.0.0.0 http'],
    [['X-Forwarded-For: unix'], 'the proxy http'],
    [['X-Forwarded-Proto: https'], 'the proxy https'],
    [['Forwarded: for=203.0.113.9'], '203.0.113.9 http'],
    [['Forwarded: for=203.0.113.9;proto=https;by=10.1.1.1;host=gate.example'], '203.0.113.9 https'],
    [['forwarded: For="[2001:db8::9]:4711";Proto=HTTPS'], '2001:db8::9 https'],
    [['Forwarded: for=198.51.100.1;proto=https, for=203.0.113.9;proto=http'], '203.0.113.9 http'],
    [['Forwarded: for=203.0.113.9;proto=https , for=10.7.7.7;proto=http'], '203.0.113.9 https'],
    [['Forwarded: for=_hidden, for=203.0.113.9;proto=https'], '203.0.113.9 https'],
    [['Forwarded: host="a, for=127.0.0.1", for=203.0.113.9;host="b\\"c"'], '203.0.113.9 http'],
    [['Forwarded: for=unknown;proto=https'], 'the proxy https'],
    [
      ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https', 'Forwarded: for=203.0.113.9;proto=https'],
      '203.0.113.9 https',
    ],
  ]
  for (const [lines, says] of believed) {
    test(`a trusted proxy is believed with ${lines.join(' | ')}`, () => {
      for (const peer of ['10.1.1.1', '127.0.0.1', '::ffff:10.1.1.1', 'fd00::1']) {
        const proxy = peer === '127.0.0.1' ? '0.0.0.0' : peer.replace('::ffff:', '')
        assert.equal(said(from(peer, ...lines)), `${says.replace('the proxy', proxy)} beyond`)
      }
    })
  }

  const unclear: readonly (readonly string[])[] = [
    ['X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https'],
    ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Proto: https'],
    ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https, http'],
    ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: wss'],
    ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto:'],
    ['Forwarded: for=203.0.113.9;proto=https', 'Forwarded: for=203.0.113.9;proto=https'],
    ['Forwarded: for="', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 203.0.113.9'],
    ['Forwarded: for=", for=203.0.113.9;proto=https'],
    ['Forwarded: for=203.0.113.9;proto=https;'],
    ['Forwarded: for=203.0.113.9;proto=https,'],
    ['Forwarded: for=203.0.113.9; proto=https'],
    ['Forwarded: for = 203.0.113.9;proto=https'],
    ['Forwarded: for=203.0.113.9;for=127.0.0.1;proto=https'],
    ['Forwarded: for=[2001:db8::9];proto=https'],
    ['Forwarded: for=203.0.113.9;proto=gopher'],
    ['Forwarded:'],
    ['X-Forwarded-Host: gate.example'],
    ['X-Real-IP: 203.0.113.9'],
    ['Via: 1.1 proxy'],
    // A client that adds the kind which its proxy does not write.
    ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: http', 'Forwarded: for=203.0.113.9;proto=https'],
    ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https', 'Forwarded: for=127.0.0.1;proto=https'],
    ['X-Forwarded-For: 203.0.113.9, 10.7.7.7', 'Forwarded: for=198.51.100.1, for=10.7.7.7'],
  ]
  for (const lines of unclear) {
    test(`a trusted proxy counts as itself, in plain, with ${lines.join(' | ')}`, () => {
      assert.equal(said(from('10.1.1.1', ...lines)), '10.1.1.1 http beyond')
      assert.equal(said(overTls(from('127.0.0.1', ...lines))), '0.0.0.0 http beyond')
    })
  }

  const noAddress = [
    'unknown',
    '',
    '203.0.113.9,',
    '203.0.113.999',
    '0313.0.113.9',
    '3405803785',
    '_x',
    'fe80::1%eth0',
    '[::1',
    "'",
  ]
  for (const text of noAddress) {
    test(`what is no address leaves the proxy's own: ${JSON.stringify(text)}`, () => {
      assert.equal(said(from('10.1.1.1', `X-Forwarded-For: ${text}`)), '10.1.1.1 http beyond')
      assert.equal(said(from('127.0.0.1', `X-Forwarded-For: 198.51.100.1, ${text}`)), '0.0.0.0 http beyond')
    })
  }

  test('reads the longest list that a head can hold', () => {
    const long = `X-Forwarded-For: ${'10.0.0.1,'.repeat(1_700)}10.0.0.2`
    assert.equal(said(from('10.1.1.1', long)), '10.0.0.1 http beyond')
  })
})

describe('httpsRequirement()', () => {
  const requireHttps = httpsRequirement(clientOf)
  const passes: readonly IncomingMessage[] = [
    from('127.0.0.1'),
    from('::1'),
    overTls(from('203.0.113.9')),
    from('10.1.1.1', 'X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https'),
    from('127.0.0.1', 'Forwarded: for=203.0.113.9;proto=https'),
  ]
  for (const [at, request] of passes.entries())
    test(`lets pass what nobody can read on the way (${at})`, () => assert.equal(requireHttps(request), undefined))

  const refused: readonly IncomingMessage[] = [
    from('203.0.113.9'),
    from('10.1.1.1'),
    from(undefined),
    from('203.0.113.9', 'X-Forwarded-Proto: https'),
    from('10.1.1.1', 'X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: http'),
    from('10.1.1.1', 'X-Forwarded-For: 127.0.0.1'),
    from('127.0.0.1', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http'),
    overTls(from('10.1.1.1', 'X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: http')),
    overTls(from('10.1.1.1', 'X-Forwarded-For: 203.0.113.9')),
  ]
  for (const [at, request] of refused.entries()) {
    test(`refuses plain HTTP from beyond this machine with 426 (${at})`, () => {
      const problem = requireHttps(request)
      assert.deepEqual([problem?.code, problem?.status], ['https_required', 426])
    })
  }
})
