import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { send } from '../../test/instruments/send.ts'
import { splitBaseUrl } from './base-url.ts'
import { type Rig, SECRET, startRig, TOKEN } from './proxy.support.ts'

let upstream: RecordingUpstream
let rig: Rig

before(async () => {
  upstream = await RecordingUpstream.start()
  rig = await startRig({ origins: [upstream.origin] })
})
after(async () => {
  await rig.close()
  await upstream.close()
  assert.deepEqual(rig.bugs, [])
})

function explicit(body: unknown, headers: Record<string, string> = {}) {
  return send({
    port: rig.port,
    method: 'POST',
    path: '/claviger/v1/call',
    headers: { 'content-type': 'application/json', 'x-api-key': TOKEN, ...headers },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  })
}
const last = () => upstream.receipts.at(-1)!

describe('the explicit call', () => {
  test('is answered with the service’s own status, headers and body', async () => {
    const reply = await explicit({ service: 'up', method: 'GET', path: '/status/418' })
    assert.deepEqual([reply.status, reply.json()], [418, { status: '418' }])
    assert.deepEqual(last().headers.get('authorization'), [`Bearer ${SECRET}`])
  })

  const bodies: readonly [object, string, string | undefined][] = [
    [{ body: 'text' }, 'text', undefined],
    [{ body: 'ü' }, 'ü', undefined],
    [{ body: { a: [1, null, true] } }, '{"a":[1,null,true]}', 'application/json'],
    [{ body: [] }, '[]', 'application/json'],
    [{ body: null }, 'null', 'application/json'],
    [{ body: {}, headers: { 'Content-Type': 'application/vnd.x+json' } }, '{}', 'application/vnd.x+json'],
    [{ bodyBase64: '/+8=' }, '\xff\xef', undefined],
    [{}, '', undefined],
  ]
  for (const [extra, sent, type] of bodies) {
    test(`sends ${JSON.stringify(extra)}`, async () => {
      await explicit({ service: 'up', method: 'POST', path: '/digest', ...extra })
      const encoding = 'bodyBase64' in extra ? 'latin1' : 'utf8'
      assert.equal(last().body.bytes.toString(encoding), sent)
      assert.deepEqual(last().headers.get('content-type'), type === undefined ? undefined : [type])
    })
  }

  test('adds the query to that of the path, and leaves the path alone', async () => {
    await explicit({ service: 'up', method: 'GET', path: '/a%2Fb?x=1', query: { y: ['2', 'ü&'], z: '' } })
    assert.equal(last().url, '/a%2Fb?x=1&y=2&y=%C3%BC%26&z=')
  })

  test('takes an absolute URL on the service, byte for byte', async () => {
    await explicit({ service: 'up', method: 'GET', path: `${upstream.origin}/a/b?c` })
    assert.equal(last().url, '/a/b?c')
    await explicit({ service: 'up', method: 'GET', path: upstream.origin.toUpperCase() })
    assert.equal(last().url, '/')
  })

  test('passes its headers on, but none of its own request’s', async () => {
    const headers = {
      'x-mine': '1',
      'x-list': ['a', 'b'],
      authorization: 'Bearer mine',
      'content-length': '999',
      host: 'evil.test',
    }
    await explicit({ service: 'up', method: 'POST', path: '/digest', headers, body: 'abc' }, { 'x-outer': '1' })
    const { headers: got } = last()
    assert.deepEqual([got.get('x-mine'), got.get('x-list'), got.get('x-outer')], [['1'], ['a', 'b'], undefined])
    assert.deepEqual([got.get('authorization'), got.get('content-length')], [[`Bearer ${SECRET}`], ['3']])
    assert.deepEqual(got.get('host'), [`127.0.0.1:${upstream.port}`])
  })

  test('answers a HEAD without a body and stays in step', async () => {
    const reply = await explicit({ service: 'up', method: 'HEAD', path: '/bytes/500' })
    assert.deepEqual([reply.status, reply.body.length, reply.headers['content-length']], [200, 0, '0'])
  })

  test('gives a Location as it is', async () => {
    const reply = await explicit({ service: 'up', method: 'GET', path: '/redirect/302?to=/next' })
    assert.equal(reply.headers.location, `${upstream.origin}/next`)
  })

  const call = { service: 'up', method: 'GET', path: '/ok' }
  const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`n${at}`, '']))
  const refused: readonly [string, unknown, number, string][] = [
    ['nothing', '', 400, 'json_invalid'],
    ['no JSON', '{', 400, 'json_invalid'],
    ['a name twice', '{"service":"up","service":"up","method":"GET","path":"/"}', 400, 'json_invalid'],
    ['a list', [call], 400, 'request_invalid'],
    ['null', 'null', 400, 'request_invalid'],
    ['a number for the service', { ...call, service: 1 }, 400, 'request_invalid'],
    ['no path', { service: 'up', method: 'GET' }, 400, 'request_invalid'],
    ['a method in small letters', { ...call, method: 'get' }, 400, 'request_invalid'],
    ['TRACE', { ...call, method: 'TRACE' }, 400, 'request_invalid'],
    ['CONNECT', { ...call, method: 'CONNECT' }, 400, 'request_invalid'],
    ['two bodies', { ...call, body: 'a', bodyBase64: 'YQ==' }, 400, 'request_invalid'],
    ['broken base64', { ...call, bodyBase64: 'YQ' }, 400, 'request_invalid'],
    ['a number in the query', { ...call, query: { a: 1 } }, 400, 'request_invalid'],
    ['a header with a number', { ...call, headers: { a: 1 } }, 400, 'request_invalid'],
    ['a header that splits', { ...call, headers: { a: 'b\r\nc: d' } }, 400, 'header_refused'],
    ['a header name that splits', { ...call, headers: { 'a: b\r\nc': 'd' } }, 400, 'header_refused'],
    ['an encoding that splits', { ...call, headers: { 'accept-encoding': 'gzip\r\nx-a: b' } }, 400, 'header_refused'],
    ['a crowd of headers', { ...call, headers: names(101) }, 431, 'headers_too_large'],
    ['a larger crowd of headers', { ...call, headers: names(5_000) }, 400, 'request_invalid'],
    ['long headers', { ...call, headers: { a: 'b'.repeat(20_000) } }, 431, 'headers_too_large'],
    ['a crowd in the query', { ...call, query: names(5_000) }, 400, 'request_invalid'],
    ['an override', { ...call, headers: { 'X-HTTP-Method-Override': 'DELETE' } }, 400, 'header_refused'],
    ['a path without a slash', { ...call, path: 'ok' }, 400, 'target_ambiguous'],
    ['dots', { ...call, path: '/a/../b' }, 400, 'target_ambiguous'],
    ['a NUL', { ...call, path: '/\0' }, 400, 'target_ambiguous'],
    ['two slashes', { ...call, path: '//evil.test/' }, 400, 'target_ambiguous'],
    ['backslashes', { ...call, path: '\\\\evil.test\\' }, 400, 'target_ambiguous'],
    ['a token in the query', { ...call, path: '/ok?access_token=mine' }, 403, 'credential_in_query'],
  ]
  for (const key of [
    'endpoint',
    'url',
    'api_base',
    'base_url',
    'baseUrl',
    'host',
    'origin',
    'azure_endpoint',
    'target',
    'proxy',
  ]) {
    test(`refuses ${key} (A-01)`, async () => {
      const reply = await explicit({ ...call, [key]: 'http://evil.test/' })
      assert.deepEqual([reply.status, reply.code], [400, 'request_invalid'])
    })
  }
  for (const [name, body, status, code] of refused) {
    test(`refuses ${name}`, async () => {
      const before = upstream.receipts.length
      const reply = await explicit(body)
      assert.deepEqual([reply.status, reply.code], [status, code], reply.text())
      assert.equal(upstream.receipts.length, before)
    })
  }

  for (const path of [
    'http://evil.test/',
    'https://127.0.0.1/',
    'http://127.0.0.1:1/',
    'http://u@127.0.0.1/',
    'HTTP://EVIL.test',
    'http://127.1/',
    'http://',
    'http://[::1',
    'https://bücher.example/',
  ]) {
    test(`refuses ${path}, which is not on the service (A-01, A-02)`, async () => {
      const reply = await explicit({ ...call, path })
      assert.deepEqual([reply.status, reply.code], [403, 'target_not_allowed'])
    })
  }

  test('refuses other media types, methods, callers and sizes', async () => {
    assert.equal((await explicit(call, { 'content-type': 'text/plain' })).code, 'media_type_refused')
    assert.equal((await explicit(call, { 'x-api-key': 'wrong' })).code, 'unauthenticated')
    assert.equal(
      (await send({ port: rig.port, method: 'GET', path: '/claviger/v1/call', headers: { 'x-api-key': TOKEN } })).code,
      'method_refused',
    )
    const large = JSON.stringify({ ...call, body: 'x'.repeat(1024 * 1024) })
    const reply = await explicit(large).catch((error) => ({ code: error.code as string }))
    assert.ok(['body_too_large', 'EPIPE', 'ECONNRESET'].includes(reply.code ?? ''), reply.code)
  })
})

describe('splitBaseUrl()', () => {
  const cases: readonly [string, string, string][] = [
    ['/to/github/user?x=1', 'github', '/user?x=1'],
    ['/to/github', 'github', '/'],
    ['/to/github/', 'github', '/'],
    ['/to/github?x', 'github', '/?x'],
    ['/to/a%2Fb/c', 'a%2Fb', '/c'],
    ['/to/github//x', 'github', '//x'],
    ['/to//x', '', '/x'],
  ]
  for (const [url, serviceName, rest] of cases) {
    test(`reads ${url}`, () => assert.deepEqual(splitBaseUrl(url), { serviceName, rest }))
  }
  test('refuses what is not below /to/', () =>
    assert.throws(() => splitBaseUrl('/tof/x'), { code: 'endpoint_unknown' }))
})

describe('calls on their way in', () => {
  test('are bounded for each agent, and those that came to an end make room', async () => {
    const head = `POST /claviger/v1/call HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${TOKEN}\r\n`
    const slow = `${head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`
    const sockets = Array.from({ length: 40 }, () => connect(rig.port, '127.0.0.1'))
    const refused: string[] = []
    await new Promise<void>((resolve) => {
      for (const socket of sockets) {
        socket.on('error', () => {}).write(slow)
        socket.once('data', (chunk: Buffer) => refused.push(chunk.toString()) === 8 && resolve())
      }
    })
    for (const answer of refused) assert.match(answer, /^HTTP\/1\.1 429 .*too_many_in_flight/s)
    const whole = await explicit({ service: 'up', method: 'GET', path: '/ok' })
    assert.equal(whole.status, 200, 'one that is there is not kept waiting')
    for (const socket of sockets) socket.destroy()
    assert.equal(refused.length, 8)
  })
})

describe('base-URL mode', () => {
  for (const [path, status, code] of [
    ['/to/up/a/../b', 400, 'target_ambiguous'],
    ['/to/up//x', 400, 'target_ambiguous'],
    ['/to/up/%2e%2e/x', 400, 'target_ambiguous'],
    ['/to/up/?a#b', 400, 'target_ambiguous'],
  ] as const) {
    test(`refuses ${path}`, async () => {
      const reply = await send({ port: rig.port, method: 'GET', path, headers: { 'x-api-key': TOKEN } })
      assert.deepEqual([reply.status, reply.code], [status, code])
    })
  }

  test('refuses a target that would show our token to the service', async () => {
    for (const path of [`/to/up/${TOKEN}/x`, `/to/up/x?token=${TOKEN}`]) {
      const reply = await send({ port: rig.port, method: 'GET', path, headers: { 'x-api-key': TOKEN } })
      assert.deepEqual([reply.status, reply.code], [400, 'token_misplaced'])
    }
  })

  test('refuses TRACE, and callers it does not know', async () => {
    assert.equal(
      (await send({ port: rig.port, method: 'TRACE', path: '/to/up/', headers: { 'x-api-key': TOKEN } })).code,
      'method_refused',
    )
    const reply = await send({ port: rig.port, method: 'GET', path: '/to/up/' })
    assert.deepEqual(
      [reply.status, reply.code, reply.headers['www-authenticate']],
      [401, 'unauthenticated', 'Bearer realm="claviger"'],
    )
  })
})
