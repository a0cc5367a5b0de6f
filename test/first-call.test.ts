import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { patternDigest, patternStream } from './instruments/pattern.ts'
import type { Receipt } from './instruments/recording-upstream.ts'
import { send } from './instruments/send.ts'
import { assertClean } from './instruments/taint-oracle.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

describe('the first call', () => {
  let around: World
  before(async () => {
    around = await world()
  })
  after(() => around[Symbol.asyncDispose]())

  const last = (): Receipt => around.upstream.receipts.at(-1)!

  const spellings: readonly (readonly [string, (token: string) => Record<string, string>])[] = [
    ['as a bearer token', (token) => ({ authorization: `Bearer ${token}` })],
    ['as a bearer token in other letters', (token) => ({ Authorization: `bearer ${token}` })],
    ['as x-api-key', (token) => ({ 'x-api-key': token })],
    ['as the user of Basic', (token) => ({ authorization: `Basic ${Buffer.from(`${token}:`).toString('base64')}` })],
    [
      'as the user of Basic with a word',
      (token) => ({ authorization: `Basic ${Buffer.from(`${token}:x`).toString('base64')}` }),
    ],
    [
      'as the password of Basic',
      (token) => ({ authorization: `Basic ${Buffer.from(`any:${token}`).toString('base64')}` }),
    ],
  ]
  for (const [how, headers] of spellings) {
    test(`reaches the upstream with the credential when the token comes ${how}`, async () => {
      const reply = await around.call('/n/1?a=1&a=2', { token: '', headers: headers(around.token) })
      assert.equal(reply.status, 200, reply.text())
      assert.deepEqual(last().headers.get('authorization'), [`Bearer ${around.secret}`])
      assert.equal(last().headers.get('x-api-key'), undefined)
      assert.equal(last().url, '/n/1?a=1&a=2')
    })
  }

  test('is refused without a token, with a wrong one and with the operator’s, and nothing is forwarded', async () => {
    const before = around.upstream.receipts.length
    const wrong = `${around.token.slice(0, -1)}${around.token.endsWith('0') ? '1' : '0'}`
    for (const token of ['', 'x', wrong, around.gateway.operatorToken, `${around.token} `.repeat(2)]) {
      const reply = await around.call('/n/2', { token })
      assert.ok([401, 403].includes(reply.status), `${reply.status}`)
      assert.ok(reply.code)
    }
    assert.equal(around.upstream.receipts.length, before)
  })

  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    test(`keeps ${method}, path, query and headers as they are`, async () => {
      const reply = await around.call('/mirror/%7Bx%7D/a%2Cb?q=%41&q=&empty&z=1', {
        method,
        headers: { 'x-Custom': 'kept as it is', accept: 'text/x-test' },
      })
      // An encoded unreserved character in the query stays what it was: queries are forwarded byte for byte.
      assert.equal(reply.status, 200, reply.text())
      assert.equal(last().method, method)
      assert.equal(last().url, '/mirror/%7Bx%7D/a%2Cb?q=%41&q=&empty&z=1')
      assert.deepEqual(last().headers.get('x-custom'), ['kept as it is'])
      assert.deepEqual(last().headers.get('host'), [`127.0.0.1:${around.upstream.port}`])
    })
  }

  test('carries bodies byte for byte, with a length and without', async () => {
    const body = randomBytes(200_003)
    const digest = createHash('sha256').update(body).digest('hex')
    const known = await around.call('/digest', { method: 'POST', body })
    assert.deepEqual(known.json(), { length: body.length, sha256: digest })
    const streamed = await around.call('/digest', {
      method: 'PUT',
      body: Readable.from([body.subarray(0, 5), body.subarray(5)]),
    })
    assert.deepEqual(streamed.json(), { length: body.length, sha256: digest })
    const echoed = await around.call('/mirror', { method: 'POST', body, headers: { 'content-type': 'image/png' } })
    assert.deepEqual(echoed.body, body)
    assert.equal(echoed.headers['content-type'], 'image/png')
  })

  test('carries 16 MiB each way', async () => {
    const length = 16 << 20
    const up = await around.call('/digest', { method: 'POST', body: patternStream(length) })
    assert.deepEqual(up.json(), { length, sha256: patternDigest(length) })
    const hash = createHash('sha256')
    await around.call(`/bytes/${length}`, { onChunk: (chunk) => void hash.update(chunk), discard: true })
    assert.equal(hash.digest('hex'), patternDigest(length))
  })

  test('passes each event on before the next is sent', async () => {
    const events: string[] = []
    let release: (() => void) | undefined
    around.upstream.on('gated', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let n = 0
      release = () => {
        if (n === 5) response.end()
        else response.write(`data: ${n++}\n\n`)
      }
      release()
    })
    const reply = await around.call('/gated', {
      // The upstream sends the next event only when this one has arrived: buffering anywhere would end in silence.
      onChunk: (chunk) => {
        events.push(chunk.toString())
        release?.()
      },
    })
    assert.equal(reply.headers['content-type'], 'text/event-stream')
    assert.equal(events.join(''), [0, 1, 2, 3, 4].map((n) => `data: ${n}\n\n`).join(''))
  })

  test('streams a request body before it is complete', async () => {
    const body = new Readable({ read: () => undefined })
    body.push('first')
    let released = false
    around.upstream.on('early', (request, response) => {
      request.once('data', () => {
        released = true
        body.push('second')
        body.push(null)
      })
      request.on('end', () => response.end('done'))
    })
    const reply = await around.call('/early', { method: 'POST', body })
    assert.ok(released)
    assert.equal(reply.text(), 'done')
    assert.equal(last().body.bytes.toString(), 'firstsecond')
  })

  test('passes the upstream’s status, and gives its own answers a request id', async () => {
    for (const status of [201, 204, 301, 304, 400, 404, 418, 429, 500, 503]) {
      assert.equal((await around.call(`/status/${status}`)).status, status)
    }
    const refused = await around.call('/n/3', { service: 'nobody' })
    assert.match(String(refused.headers['claviger-request-id']), /^call_/)
    assert.match(String(refused.headers['proxy-status']), /^claviger/)
  })

  test('stops the upstream when the caller goes away', async () => {
    const abort = new AbortController()
    const arrived = new Promise<Receipt>((resolve) =>
      around.upstream.on('held', (_request, _response, receipt) => resolve(receipt)),
    )
    const call = around.call('/held', { signal: abort.signal })
    const receipt = await arrived
    abort.abort()
    await assert.rejects(call)
    await until(() => receipt.aborted)
  })

  test('ends a truncated answer as an error, not as a clean end', async () => {
    await assert.rejects(around.call('/stall-truncated'))
    await assert.rejects(around.call('/stall-reset-mid-body'))
  })

  test('drops what only belongs to one hop, and what is the gateway’s to say', async () => {
    const reply = await around.call('/hostile-headers', {
      headers: { connection: 'x-mine', 'x-mine': '1', te: 'trailers' },
    })
    assert.equal(reply.headers['x-plain'], 'passes')
    for (const name of ['set-cookie', 'x-hop', 'clear-site-data', 'alt-svc'])
      assert.equal(reply.headers[name], undefined, name)
    assert.notEqual(reply.headers['claviger-request-id'], 'forged')
    for (const name of ['x-mine', 'te', 'claviger-request-id', 'x-forwarded-for'])
      assert.equal(last().headers.get(name), undefined, name)
  })

  test('does not follow a redirect', async () => {
    const E = `127.0.0.1:${around.attacker.port}`
    for (const status of [301, 302, 303, 307, 308]) {
      for (const to of [`http://${E}/x`, `//${E}/x`, `/\\${E}/x`, `http://127.0.0.1:${around.upstream.port + 1}/`]) {
        const before = around.upstream.receipts.length
        const reply = await around.call(`/redirect/${status}?to=${encodeURIComponent(to)}`)
        assert.ok([status, 502].includes(reply.status), `${status} → ${reply.status}`)
        assert.equal(around.upstream.receipts.length, before + 1)
      }
    }
    assert.equal(around.attacker.accepts, 0)
  })

  test('works through the one endpoint too', async () => {
    const ask = (body: unknown) =>
      send({
        port: around.gateway.port,
        method: 'POST',
        path: '/claviger/v1/call',
        headers: { authorization: `Bearer ${around.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const got = await ask({
      service: 'u',
      method: 'GET',
      path: '/n/4',
      query: { a: ['1', '2'], b: 'x y' },
      headers: { 'x-note': 'n' },
    })
    assert.equal(got.status, 200, got.text())
    assert.equal(last().url, '/n/4?a=1&a=2&b=x%20y')
    assert.deepEqual(last().headers.get('x-note'), ['n'])
    assert.deepEqual(last().headers.get('authorization'), [`Bearer ${around.secret}`])
    await ask({ service: 'u', method: 'POST', path: '/n/5', body: { a: [1, 'é'] } })
    assert.equal(last().body.bytes.toString('utf8'), '{"a":[1,"é"]}')
    const bytes = randomBytes(50)
    const mirrored = await ask({ service: 'u', method: 'POST', path: '/mirror', bodyBase64: bytes.toString('base64') })
    assert.deepEqual(mirrored.body, bytes)
    assert.equal((await ask({ service: 'u', method: 'GET', path: '/status/404' })).status, 404)
    assert.equal((await ask({ service: 'u', method: 'GET', path: '/n/6', url: 'http://evil.test' })).status, 400)
  })

  test('left nothing of the credential with the agent, nor of the token with the upstream', async () => {
    await around.oracle.selfTest()
    assertClean(await around.oracle.searchSinks())
    assertClean(await around.oracle.search(around.upstream.bytes(), 'upstream', ['token']))
    assert.equal(around.upstream.garbage.length, 0)
  })
})
