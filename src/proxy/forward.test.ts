import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { patternDigest, patternStream } from '../../test/instruments/pattern.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { keepAlive, type Reply, type SendOptions, send } from '../../test/instruments/send.ts'
import { until } from '../../test/instruments/wait.ts'
import { type Rig, SECRET, startRig, TOKEN } from './proxy.support.ts'

const MEGABYTE = 1024 * 1024
let upstream: RecordingUpstream
let rig: Rig

before(async () => {
  upstream = await RecordingUpstream.start()
  rig = await startRig({ origins: [upstream.origin] })
})
// The outcome of a call appears when its last byte has been handed over, which may be after the caller has it.
beforeEach(() => until(rig.settled))
after(async () => {
  await rig.close()
  await upstream.close()
})

type Sent = Partial<Omit<SendOptions, 'method' | 'path'>>

function call(method: string, path: string, options: Sent = {}, to: Rig = rig): Promise<Reply> {
  const headers = { authorization: `Bearer ${TOKEN}`, ...options.headers }
  return send({ port: to.port, method, path: `/to/up${path}`, ...options, headers })
}

async function outcomeAfter(count: number) {
  await until(() => rig.outcomes.length > count)
  return rig.outcomes[count]
}

describe('what the service gets', () => {
  test('is the caller’s method, target, headers and body, and the credential', async () => {
    const body = '{"a":1}'
    const path = '/ok/a%2Fb/?x=1&&y=%C3%BC'
    await call('PATCH', path, { body, headers: { 'content-type': 'application/json', 'x-mine': '1' } })
    const receipt = upstream.receipts.at(-1)!
    assert.deepEqual([receipt.method, receipt.url, receipt.body.bytes.toString()], ['PATCH', path, body])
    assert.deepEqual(receipt.headers.get('authorization'), [`Bearer ${SECRET}`])
    assert.deepEqual(receipt.headers.get('x-mine'), ['1'])
    assert.deepEqual(receipt.headers.get('host'), [`127.0.0.1:${upstream.port}`])
    assert.ok(!upstream.bytes().includes('clv_'), 'the token stays here')
  })

  for (const method of ['GET', 'DELETE', 'OPTIONS', 'POST']) {
    test(`is a ${method} without a body when there is none`, async () => {
      assert.equal((await call(method, '/ok')).status, 200)
      const { headers, body } = upstream.receipts.at(-1)!
      assert.equal(headers.has('transfer-encoding'), false)
      assert.equal(body.length, 0)
    })
  }

  test('is a body in chunks when it came in chunks', async () => {
    const reply = await call('POST', '/digest', { body: patternStream(3 * MEGABYTE) })
    assert.deepEqual(reply.json(), { length: 3 * MEGABYTE, sha256: patternDigest(3 * MEGABYTE) })
    assert.deepEqual(upstream.receipts.at(-1)!.headers.get('transfer-encoding'), ['chunked'])
  })

  test('has the length the caller declared, however large', async () => {
    const length = 5 * MEGABYTE
    const reply = await call('PUT', '/digest', { body: patternStream(length), headers: { 'content-length': length } })
    assert.deepEqual(reply.json(), { length, sha256: patternDigest(length) })
    assert.deepEqual(upstream.receipts.at(-1)!.headers.get('content-length'), [String(length)])
  })

  test('comes at once when the caller waits for 100 Continue', async () => {
    const sent = request({
      port: rig.port,
      method: 'POST',
      path: '/to/up/mirror',
      headers: { authorization: `Bearer ${TOKEN}`, expect: '100-continue', 'content-length': 5 },
    })
    sent.flushHeaders()
    await once(sent, 'continue')
    sent.end('hello')
    const [response] = await once(sent, 'response')
    assert.equal(Buffer.concat(await response.toArray()).toString(), 'hello')
    assert.equal(upstream.receipts.at(-1)!.headers.has('expect'), false)
  })
})

describe('what the caller gets', () => {
  test('is the service’s status, headers and body, with a length where it is known in time', async () => {
    const reply = await call('GET', '/status/418')
    assert.equal(reply.status, 418)
    assert.deepEqual(reply.json(), { status: '418' })
    assert.equal(reply.headers['content-length'], String(reply.body.length))
    assert.match(String(reply.headers['claviger-request-id']), /^call_test/)
    assert.equal(reply.headers['proxy-status'], undefined)
  })

  for (const [method, path, status] of [
    ['HEAD', '/ok', 200],
    ['GET', '/status/204', 204],
    ['GET', '/status/304', 304],
  ] as const) {
    test(`is no body for ${method} ${path}`, async () => {
      const connections = keepAlive(1)
      const reply = await call(method, path, { connections })
      assert.deepEqual([reply.status, reply.body.length], [status, 0])
      assert.equal((await call('GET', '/ok', { connections })).status, 200, 'the connection is still in step')
      connections.destroy()
    })
  }

  test('is large bodies byte for byte', async () => {
    const hash = createHash('sha256')
    await call('GET', `/bytes/${8 * MEGABYTE}`, { onChunk: (chunk) => hash.update(chunk), discard: true })
    assert.equal(hash.digest('hex'), patternDigest(8 * MEGABYTE))
  })

  test('is each event when it comes, not when the answer ends', async () => {
    let finish: () => void = () => undefined
    upstream.on('live', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
      finish = () => response.end('data: two\n\n')
    })
    const chunks: string[] = []
    const reply = await call('GET', '/live', {
      onChunk: (chunk) => {
        chunks.push(chunk.toString())
        finish()
      },
    })
    assert.deepEqual(chunks, ['data: one\n\n', 'data: two\n\n'])
    assert.equal(reply.headers['content-type'], 'text/event-stream')
  })

  test('is the head before the body comes', async () => {
    upstream.on('head-first', (_request, response) => void response.writeHead(200).flushHeaders())
    const sent = request({
      port: rig.port,
      path: '/to/up/head-first',
      headers: { authorization: `Bearer ${TOKEN}` },
    }).end()
    sent.on('error', () => undefined)
    const [response] = await once(sent, 'response')
    assert.equal(response.statusCode, 200)
    sent.destroy()
  })

  test('holds no interim answers, and they harm nothing', async () => {
    upstream.on('hints', (_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' })
      response.writeProcessing()
      response.end('done')
    })
    assert.equal((await call('GET', '/hints')).text(), 'done')
  })

  test('holds no secret, in head, body, trailer or reason', async () => {
    for (const place of ['body', 'header', 'reason', 'trailer', 'sse']) {
      const count = rig.outcomes.length
      const reply = await call('GET', `/echo/raw?in=${place}`)
      const all = [reply.reason, ...reply.rawHeaders, reply.text(), JSON.stringify(reply.trailers)].join('\n')
      assert.ok(!all.includes(SECRET) && all.includes('[redacted:crd_1]'), place)
      assert.equal((await outcomeAfter(count))?.echoes, 1, place)
    }
  })

  test('is decoded where the caller asked for a coding', async () => {
    const reply = await call('GET', '/echo/raw?pack=gzip', { headers: { 'accept-encoding': 'br;q=0, gzip, x' } })
    assert.equal(reply.headers['content-encoding'], undefined)
    assert.equal(reply.text(), 'before [redacted:crd_1] after')
    assert.deepEqual(upstream.receipts.at(-1)!.headers.get('accept-encoding'), ['gzip'])
  })

  test('is a problem where the coding is not known', async () => {
    upstream.on(
      'odd-coding',
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'compress' }).end('x'),
    )
    const reply = await call('GET', '/odd-coding')
    assert.deepEqual([reply.status, reply.code], [502, 'upstream_encoding_refused'])
    assert.match(String(reply.headers['proxy-status']), /^claviger; error=/)
  })
})

describe('a call that breaks off', () => {
  test('is stopped at the service when the caller leaves', async () => {
    const count = rig.outcomes.length
    const sent = request({
      port: rig.port,
      path: '/to/up/stall-headers',
      headers: { authorization: `Bearer ${TOKEN}` },
    }).end()
    sent.on('error', () => undefined)
    await until(() => upstream.receipts.at(-1)?.url === '/stall-headers')
    sent.destroy()
    const outcome = await outcomeAfter(count)
    assert.deepEqual([outcome?.error, outcome?.status], ['caller_left', 0])
    await until(() => upstream.receipts.at(-1)!.aborted)
  })

  test('is stopped at the service when the caller leaves in the middle of a body, either way', async () => {
    for (const [method, path] of [
      ['POST', '/digest'],
      ['GET', '/bytes/900000000'],
    ] as const) {
      const [count, asked] = [rig.outcomes.length, upstream.receipts.length]
      const sent = request({
        port: rig.port,
        method,
        path: `/to/up${path}`,
        headers: { authorization: `Bearer ${TOKEN}` },
      })
      sent.on('error', () => undefined)
      if (method === 'GET') sent.end()
      else sent.write(Buffer.alloc(100_000))
      await until(() => upstream.receipts.length > asked)
      sent.destroy()
      assert.equal((await outcomeAfter(count))?.error, 'caller_left', path)
      assert.equal(rig.openCalls.total, 0)
    }
  })

  for (const mode of ['stall-truncated', 'stall-reset-mid-body', 'stall-bad-chunk']) {
    test(`never looks whole: ${mode}`, async () => {
      const count = rig.outcomes.length
      await assert.rejects(call('GET', `/${mode}`))
      assert.equal((await outcomeAfter(count))?.error, 'upstream_broke')
    })
  }

  test('never looks whole where the end of the connection is the end of the body', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n'
    upstream.on('until-reset', ({ socket }) =>
      socket.write(`${head}half`, () => setTimeout(() => socket.resetAndDestroy(), 30)),
    )
    upstream.on('until-end', ({ socket }) => socket.end(`${head}whole`))
    await assert.rejects(call('GET', '/until-reset'))
    assert.equal((await call('GET', '/until-end')).text(), 'whole')
  })

  for (const [mode, code] of [
    ['stall-garbage', 'upstream_broke'],
    ['stall-reset', 'upstream_broke'],
    ['stall-close', 'upstream_broke'],
  ] as const) {
    test(`is a 502 before there was an answer: ${mode}`, async () => {
      const reply = await call('GET', `/${mode}`)
      assert.deepEqual([reply.status, reply.code], [502, code])
      assert.ok(reply.headers['proxy-status'] !== undefined && reply.headers['claviger-request-id'] !== undefined)
    })
  }

  test('is cut when it is revoked, whatever it is doing', async () => {
    const count = rig.outcomes.length
    const waiting = call('GET', '/stall-headers')
    let half = ''
    const streaming = call('GET', '/stall-half-body', { onChunk: (chunk) => (half += chunk) })
    const cut = assert.rejects(streaming)
    await until(() => rig.openCalls.total === 2 && half === 'half')
    assert.equal(
      rig.openCalls.kill(() => true, 'agent_suspended'),
      2,
    )
    const reply = await waiting
    assert.deepEqual([reply.status, reply.code], [403, 'call_ended'])
    await cut
    await outcomeAfter(count + 1)
    assert.deepEqual(
      rig.outcomes.slice(count).map(({ error }) => error),
      ['call_ended', 'call_ended'],
    )
    assert.equal(rig.openCalls.total, 0)
  })

  test('leaves every outcome and no bug behind', () => {
    assert.deepEqual(rig.bugs, [])
    assert.equal(rig.openCalls.total, 0)
  })
})
