// HTTP/2 on both sides: streams inside a tunnel, one connection to the service, gRPC through both.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { MARK } from '../src/ground/placeholder-shape.ts'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { grpcMessage, grpcMessages, type Http2Upstream, http2Upstream } from './instruments/http2-upstream.ts'
import { rawTlsUpstream } from './instruments/tls-upstream.ts'
import { ask2, http2Tunnel } from './instruments/tunnel-client.ts'
import { closed, until } from './instruments/wait.ts'
import { furnish, loopback, type World, world } from './instruments/world.ts'

describe('HTTP/2 through the gateway', { skip: noOpenssl() }, () => {
  let authority: Authority
  let around: World
  let upstream: Http2Upstream
  let here = ''
  let token = ''
  const secret = 'sk-of-the-service-0123456789'

  before(async () => {
    authority = new Authority()
    upstream = await http2Upstream(authority.issue())
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    here = `localhost:${upstream.port}`
    const service = { trust: authority.pem }
    token = (await furnish(around.gateway, { name: 'second', origins: [`https://${here}`], secret, service })).token
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
  })
  beforeEach(() => void upstream.received.splice(0))

  const tunnel = (shown = token) => http2Tunnel({ port: around.gateway.port, token: shown, to: here })

  test('gives each stream the credential, and the service what it was asked, on one connection', async () => {
    const session = await tunnel()
    const paths = Array.from({ length: 40 }, (_, n) => `/v1/items?n=${n}`)
    const answers = await Promise.all(
      paths.map((path) => ask2(session, { ':path': path, authorization: 'Bearer nobody', cookie: ['a=1', 'b=2'] })),
    )
    assert.deepEqual(
      answers.map(({ status, body }) => `${status} ${body}`),
      paths.map((path) => `200 ${JSON.stringify({ hello: path })}`),
    )
    assert.equal(upstream.connections(), 1)
    for (const { headers } of upstream.received) {
      assert.equal(headers.authorization, `Bearer ${secret}`)
      assert.equal(headers[':authority'], here)
      assert.ok(!JSON.stringify(headers).includes(token))
    }
    const posted = await ask2(session, { ':path': '/post', ':method': 'POST' }, 'x=1')
    assert.deepEqual([posted.status, upstream.received.at(-1)?.body], [200, 'x=1'])
    session.destroy()
  })

  test('speaks HTTP/2 to the service for callers that speak HTTP/1.1', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => around.call(`/v2/${n}`, { service: 'second', token })),
    )
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal(upstream.connections(), 1)
    assert.equal(upstream.received.length, 30)
  })

  test('carries a gRPC call with its trailers, and messages both ways while it runs', async () => {
    upstream.on('/echo.Echo/Talk', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': `not ${secret}` }))
      stream.on('data', (chunk: Buffer) => stream.write(chunk))
      stream.on('end', () => stream.end())
    })
    const session = await tunnel()
    const stream = session.request({
      ':method': 'POST',
      ':path': '/echo.Echo/Talk',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    const said = () => grpcMessages(Buffer.concat(chunks))
    for (const text of ['one', 'two', 'three']) {
      stream.write(grpcMessage(text))
      await until(() => said().at(-1) === text)
    }
    const trailers = Promise.withResolvers<Record<string, unknown>>()
    stream.on('trailers', trailers.resolve)
    stream.end()
    assert.deepEqual(said(), ['one', 'two', 'three'])
    const { 'grpc-status': status, 'grpc-message': message } = await trailers.promise
    assert.equal(status, '0')
    assert.ok(!String(message).includes(secret))
    const [call] = upstream.received
    assert.deepEqual([call?.headers.te, call?.headers.authorization], ['trailers', `Bearer ${secret}`])
    session.destroy()
  })

  test('hands on what a caller says behind its body, but what no head may say', async () => {
    const session = await tunnel()
    const send = (fields: Record<string, string>) => {
      const stream = session.request({ ':path': '/put', ':method': 'PUT' }, { waitForTrailers: true })
      stream.on('error', () => {}).on('wantTrailers', () => stream.sendTrailers(fields))
      let status = 0
      stream.on('response', (headers) => (status = Number(headers[':status'])))
      stream.resume().end('whole')
      return new Promise<number>((resolve) => stream.on('close', () => resolve(status)))
    }
    const behind = () => Object.fromEntries(Object.entries(upstream.received[0]?.trailers ?? {}))
    const digest = { 'content-digest': 'sha-256=:AAAA:', 'x-checksum': '17' }
    const dropped = { 'content-type': 'text/html', range: 'bytes=0-1', 'x-forwarded-for': '8.8.8.8', cookie: 'a=1' }
    assert.equal(await send({ ...digest, ...dropped, authorization: 'Bearer mine', 'x-api-key': 'mine' }), 200)
    assert.deepEqual(behind(), digest)
    assert.equal(upstream.received[0]?.headers.authorization, `Bearer ${secret}`)
    for (const [name, value] of [
      ['x-http-method-override', 'DELETE'],
      ['x-copy', token],
      ['x-mark', `of ${MARK}${'0'.repeat(40)}`],
      ['x-long', 'x'.repeat(9_000)],
    ] as const) {
      upstream.received.splice(0)
      assert.ok([400, 403].includes(await send({ [name]: value })), name)
      await until(() => upstream.received[0]?.closed !== undefined)
      // What was sent looks like no whole request.
      assert.notEqual(upstream.received[0]?.closed, 0, name)
      assert.equal(upstream.received[0]?.trailers, undefined, name)
    }
    session.destroy()
    upstream.received.splice(0)
    const asked = request({
      ...{ port: around.gateway.port, method: 'PUT', path: '/to/second/put', agent: false },
      headers: { authorization: `Bearer ${token}`, trailer: 'x-checksum', 'transfer-encoding': 'chunked' },
    })
    asked.write('whole')
    asked.addTrailers({ 'X-Checksum': '18', 'X-Real-IP': '8.8.8.8' })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    assert.equal(answer.resume().statusCode, 200)
    assert.deepEqual(behind(), { 'x-checksum': '18' })
  })

  test('replaces placeholders in header, query and JSON alike, and lets none of them through', async () => {
    const { gateway } = around
    const kinds = {
      head: { injection: { kind: 'header', name: 'X-Shop-Key' }, bodyFields: ['key', '/auth/key'] },
      query: { injection: { kind: 'query', name: 'key' }, bodyFields: ['key', '/auth/key'] },
    } as const
    await gateway.does('POST', '/agents', { name: 'holder' })
    const held = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'holder' })
    const services = new Map<string, Http2Upstream>()
    for (const [name, kind] of Object.entries(kinds)) {
      const own = await http2Upstream(authority.issue())
      services.set(name, own)
      const described = {
        origins: [`https://localhost:${own.port}`],
        addresses: loopback,
        trust: authority.pem,
        ...kind,
      }
      await gateway.does('POST', '/services', { name, ...described })
      await gateway.does('POST', '/credentials', { handle: `${name}-key`, service: name, secret: `${secret}-${name}` })
      await gateway.does('POST', '/grants', { agent: 'holder', service: name, scopes: [`${name}:*`] })
    }
    const given = await gateway.agent('POST', '/claviger/v1/agents/self/placeholders', {
      headers: { authorization: `Bearer ${held.token}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const { items } = given.json() as { items: { service: string; placeholder: string }[] }
    for (const [name, own] of services) {
      const it = items.find(({ service }) => service === name)?.placeholder ?? ''
      const { received } = own
      assert.notEqual(it, '')
      const session = await http2Tunnel({ port: gateway.port, token: held.token, to: `localhost:${own.port}` })
      const inHead = name === 'head' ? { ':path': '/v1', 'x-shop-key': it } : { ':path': `/v1?a=1&key=${it}&b=2` }
      const json = { ':method': 'POST', 'content-type': 'application/json' }
      const both = await ask2(session, { ...inHead, ...json }, `{"a": 1, "auth": {"key": "${it}"}}`)
      assert.equal(both.status, 200, both.body.toString())
      const [{ headers, body }] = received as [Http2Upstream['received'][number]]
      assert.equal(
        headers[name === 'head' ? 'x-shop-key' : ':path'],
        name === 'head' ? `${secret}-head` : `/v1?a=1&b=2&key=${secret}-query`,
      )
      assert.equal(body, `{"a": 1, "auth": {"key": "${secret}-${name}"}}`)
      for (const [what, head, sent] of [
        ['another header', { ':path': '/v1', 'x-note': it }, undefined],
        ['another name of the query', { ':path': `/v1?other=${it}` }, undefined],
        ['another member', { ':path': '/v1', ...json }, `{"note": "${it}"}`],
      ] as const) {
        const { status, body: said } = await ask2(session, head, sent)
        assert.deepEqual([status, JSON.parse(said.toString()).code], [400, 'placeholder_misplaced'], what)
      }
      await until(() => received.every(({ closed }) => closed !== undefined))
      assert.ok(!JSON.stringify(received).includes(MARK))
      session.destroy()
      await own.close()
    }
  })

  test('takes answers whole that come in one piece, trailers and all', async () => {
    upstream.on('/echo.Echo/Say', (stream) => {
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.once('data', () => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.end(grpcMessage('said'))
      })
    })
    const session = await tunnel()
    const head = { ':path': '/echo.Echo/Say', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }
    for (let n = 0; n < 50; n += 1) {
      const { code, trailers, body } = await ask2(session, head, grpcMessage('x'))
      assert.deepEqual([code, trailers['grpc-status'], grpcMessages(body)], [0, '0', ['said']])
    }
    session.destroy()
  })

  test('keeps an answer that is trailers alone one', async () => {
    upstream.on('/echo.Echo/Refuse', (stream) =>
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true }),
    )
    const session = await tunnel()
    const head = { ':path': '/echo.Echo/Refuse', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }
    const { ended, headers, code } = await ask2(session, head, grpcMessage('x'))
    assert.deepEqual([ended, headers['grpc-status'], code], [true, '12', 0])
    session.destroy()
  })

  test('makes a whole body of none that was cut, on either side', async () => {
    upstream.on('/take', () => {})
    upstream.on('/half', (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('half', () => stream.destroy(new Error('cut')))
    })
    const session = await tunnel()
    const stream = session.request({ ':path': '/take', ':method': 'POST' })
    stream.on('error', () => {})
    stream.write('half')
    await until(() => upstream.received[0]?.body === 'half')
    stream.destroy(new Error('cut'))
    await until(() => upstream.received[0]?.closed !== undefined)
    assert.notEqual(upstream.received[0]?.closed, 0)
    assert.notEqual((await ask2(session, { ':path': '/half' })).code, 0)
    session.destroy()
  })

  test('hands on what either side says twice, and lives through trailers that HTTP/2 cannot say', async () => {
    const twice = [
      ['etag', '"a"'],
      ['etag', '"b"'],
    ]
      .map((field) => field.join(': '))
      .join('\r\n')
    const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n'
    const said: Readonly<Record<string, string>> = {
      '/head': `HTTP/1.1 200 OK\r\n${twice}\r\ncontent-length: 2\r\n\r\nhi`,
      '/trailers': `${chunked}${twice}\r\n\r\n`,
      '/unspeakable': `${chunked}x-ratelimit-a(b): 1\r\nx-status: ok\r\n\r\n`,
      '/999': 'HTTP/1.1 999 What\r\ncontent-length: 2\r\n\r\nhi',
    }
    const raw = await rawTlsUpstream(authority.issue(), (path) => said[path] ?? said['/head'] ?? '')
    const at = `localhost:${raw.port}`
    for (const mode of ['plain', 'strict']) {
      const service = { trust: authority.pem, ...(mode === 'strict' && { auditMode: mode }) }
      const name = `twice-${mode}`
      const origins = [`https://${at}`]
      const { token: shown } = await furnish(around.gateway, { name, origins, secret: `${secret}-${mode}`, service })
      for (const path of Object.keys(said)) {
        const session = await http2Tunnel({ port: around.gateway.port, token: shown, to: at })
        const answer = await ask2(session, { ':path': path })
        if (path === '/head' || path === '/trailers')
          assert.deepEqual([answer.status, answer.body.toString()], [200, 'hi'])
        session.destroy()
      }
      await around.gateway.does('DELETE', `/services/${name}`)
    }
    await raw.close()
    for (let n = 0; n < 30; n++) {
      const headers = { DNT: ['1', '1'] }
      assert.equal((await around.call('/twice', { service: 'second', token, headers })).status, 200)
    }
    assert.equal(upstream.received.length, 30)
  })

  test('leaves a connection on which many calls were given up, so that the service does not end it for all', async () => {
    let finish = () => {}
    upstream.on('/slow', (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('first ')
      finish = () => stream.end('last')
    })
    upstream.on('/hang', () => {})
    const slow = around.call('/slow', { service: 'second', token })
    await until(() => upstream.received.length === 1)
    const used = new Set<number>()
    for (let round = 0; round < 4; round++) {
      const session = await tunnel()
      const before = upstream.received.length
      const streams = Array.from({ length: 40 }, () => session.request({ ':path': '/hang' }).on('error', () => {}))
      await until(() => upstream.received.length === before + 40)
      for (const stream of streams) stream.close(8)
      await until(() => upstream.received.slice(before).every(({ closed }) => closed !== undefined))
      session.destroy()
    }
    for (const { connection } of upstream.received) used.add(connection)
    assert.ok(used.size > 1, 'one connection bore all resets')
    finish()
    assert.equal((await slow).text(), 'first last')
  })

  test('ends streams and connections at once with the token that opened them', async () => {
    const { token: mine, id } = await around.gateway.does<{ token: string; id: string }>('POST', '/tokens', {
      agent: 'agent-of-second',
    })
    upstream.on('/slow', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
      stream.write('data: now\n\n')
    })
    const sessions = await Promise.all(Array.from({ length: 5 }, () => tunnel(mine)))
    const streams = sessions.flatMap((session) => Array.from({ length: 20 }, () => ask2(session, { ':path': '/slow' })))
    await until(() => upstream.received.length === 100)
    const ends = sessions.map((session) => closed(session.socket as never))
    await around.gateway.does('DELETE', `/tokens/${id}`)
    await Promise.all(ends)
    await Promise.all(streams)
    await until(() => upstream.received.every(({ closed }) => closed !== undefined))
  })
})
