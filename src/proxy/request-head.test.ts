import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseOrigin } from '../ground/origin.ts'
import { canonicalTarget } from '../ground/target.ts'
import { outgoingHead } from './request-head.ts'

const call = (target = '/a?b=1') => ({
  method: 'GET',
  origin: parseOrigin('https://api.example.com'),
  target: canonicalTarget(target),
})
const asked = (requested: string | undefined) => requested
const build = (headers: readonly string[], ...injected: string[]) => outgoingHead(call(), headers, injected, asked)

describe('outgoingHead()', () => {
  test('keeps the target as it was matched', () => {
    for (const target of ['/', '/a', '/a?', '/a?b=1&&c', '/a%2Fb/']) {
      assert.equal(outgoingHead(call(target), [], [], asked).target, target)
    }
  })

  test('passes on what is harmless, in the spelling and order of the caller', () => {
    const headers = [
      'User-Agent',
      'x/1',
      'X-Custom',
      'v',
      'accept',
      '*/*',
      'X-Custom',
      'w',
      'Content-Type',
      'text/plain',
    ]
    assert.deepEqual(build(headers).headers, headers)
  })

  const dropped = [
    'Host',
    'HOST',
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Uri',
    'X-Forwarded',
    'Forwarded',
    'X-Real-IP',
    'Via',
    'True-Client-IP',
    'CF-Connecting-IP',
    'X-Client-IP',
    'X-Cluster-Client-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-Override-URL',
    'X-HTTP-Path-Override',
    'X-Envoy-Original-Path',
    'X-Forward-For',
    'X-Middleware-Subrequest',
    'X-Remote-User',
    'Authorization',
    'AUTHORIZATION',
    'X-Api-Key',
    'Api-Key',
    'apikey',
    'X-Auth-Token',
    'Cookie',
    'X-Goog-Api-Key',
    'X-Amz-Security-Token',
    'Private-Token',
    'X-GitLab-Token',
    'X-Vault-Token',
    'Ocp-Apim-Subscription-Key',
    'xi-api-key',
    'DD-API-KEY',
    'X-Shopify-Access-Token',
    'X-Access-Token',
    'X-Auth-Key',
    'X-Postmark-Server-Token',
    'X-Session-Token',
    'X-Client-Secret',
    'X-User-Password',
    'Claviger-Ticket',
  ]
  for (const name of dropped) {
    test(`leaves out ${name}`, () => {
      assert.deepEqual(build([name, 'evil', 'x-kept', '1']).headers, ['x-kept', '1'])
    })
  }

  for (const name of [
    'x_api_key',
    'X_Forwarded_For',
    'a_b',
    'X-HTTP-Method-Override',
    'X-Method-Override',
    'x-http-method',
    'a b',
    '',
    'ü',
    'a:b',
    '"a"',
  ]) {
    test(`refuses the name ${JSON.stringify(name)}`, () => {
      assert.throws(() => build([name, 'v']), { code: 'header_refused', status: 400 })
    })
  }

  for (const value of ['a\rb', 'a\nb', 'a\0b', 'é', '\x7f', '\x1b[0m', 'a\u010ab']) {
    test(`refuses the value ${JSON.stringify(value)}`, () => {
      assert.throws(() => build(['x-a', value]), { code: 'header_refused' })
    })
  }

  for (const name of [
    'Host',
    'content-type',
    'User-Agent',
    'Range',
    'Content-Length',
    'Authorization',
    'Referer',
    'If-Range',
  ]) {
    test(`refuses ${name} twice`, () => {
      assert.throws(() => build([name, '1', name.toUpperCase(), '1']), { code: 'header_conflict', status: 400 })
    })
  }

  test('refuses a header that would show our token to the service', () => {
    const token = `clv_ak_${'0'.repeat(16)}_${'A'.repeat(43)}_000000`
    assert.throws(() => build(['x-a', `a ${token}`]), { code: 'token_misplaced', status: 400 })
    assert.equal(build(['x-a', 'clv_tools']).headers.length, 2)
  })

  test('judges the encodings that are accepted like any other value', () => {
    for (const value of ['é', 'gzip\r\nx-a: b', 'gzip\0']) {
      assert.throws(() => build(['Accept-Encoding', value]), { code: 'header_refused' })
    }
    const token = `clv_ak_${'0'.repeat(16)}_${'A'.repeat(43)}_000000`
    assert.throws(() => build(['Accept-Encoding', token]), { code: 'token_misplaced' })
  })

  test('leaves out what the injector will write', () => {
    assert.deepEqual(build(['X-My-Credential-Header', 'mine', 'X-Other', '1'], 'x-my-credential-header').headers, [
      'X-Other',
      '1',
    ])
  })

  test('leaves out what Connection lists', () => {
    const headers = [
      'X-Hop',
      '1',
      'Connection',
      'close, x-hop,X-Other',
      'X-Other',
      '2',
      'X-Kept',
      '3',
      'connection',
      'content-type',
      'Content-Type',
      'a/b',
    ]
    assert.deepEqual(build(headers).headers, ['X-Kept', '3'])
  })

  test('takes note of the framing', () => {
    const head = build(['Content-Length', '12', 'Expect', '100-Continue'])
    assert.deepEqual([head.contentLength, head.chunked, head.expectsContinue], ['12', false, true])
    assert.equal(build(['Transfer-Encoding', 'chunked']).chunked, true)
  })

  test('asks for whole codings, and for none where a range is wanted', () => {
    const upper = (requested: string | undefined) => requested?.toUpperCase() ?? 'NONE'
    assert.deepEqual(outgoingHead(call(), ['Accept-Encoding', 'gzip', 'accept-encoding', 'br'], [], upper).headers, [
      'accept-encoding',
      'GZIP, BR',
    ])
    const ranged = outgoingHead(call(), ['Accept-Encoding', 'gzip', 'Range', 'bytes=0-1'], [], upper)
    assert.deepEqual(ranged.headers, ['Range', 'bytes=0-1', 'accept-encoding', 'NONE'])
  })

  test('remembers no more names than it may', () => {
    for (let i = 0; i < 10_000; i++) assert.equal(build([`x-n${i}`, '1']).headers.length, 2)
  })
})
