import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import { request } from 'undici'
import { until } from '../../test/instruments/wait.ts'
import { type Rig, startRig, TOKEN } from './proxy.support.ts'

const LONG = Buffer.alloc(2_000_000, 'refused ')

describe('a refused credential', () => {
  let upstream: Server
  let answer: (request: IncomingMessage, response: ServerResponse, n: number) => void
  let asked: number
  let rig: Rig

  before(async () => {
    upstream = createServer((request, response) => {
      request.resume()
      asked += 1
      answer(request, response, asked)
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => rig.close())
  after(() => {
    upstream.closeAllConnections()
    upstream.close()
  })

  const start = async (renew: () => Promise<boolean>) => {
    asked = 0
    rig = await startRig({ origins: [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`], renew })
  }
  const call = async (method: 'GET' | 'POST' | 'DELETE' = 'GET', body?: string, signal?: AbortSignal) => {
    const headers = { authorization: `Bearer ${TOKEN}` }
    const reply = await request(`http://127.0.0.1:${rig.port}/to/up/x`, {
      method,
      headers,
      body: body ?? null,
      signal: signal ?? null,
    })
    return { status: reply.statusCode, body: Buffer.from(await reply.body.arrayBuffer()) }
  }
  const outcomes = () => rig.outcomes.map(({ status, error }) => [status, error])

  for (const [method, body] of [
    ['GET', undefined],
    ['DELETE', undefined],
    ['POST', 'a small body'],
  ] as const) {
    test(`is renewed and ${method}${body === undefined ? '' : ' with a small body'} is made again, each try with its outcome`, async () => {
      await start(async () => true)
      answer = (_, response, n) => response.writeHead(n === 1 ? 401 : 200).end(n === 1 ? 'no' : 'yes')
      const reply = await call(method, body)
      assert.deepEqual([reply.status, reply.body.toString()], [200, 'yes'])
      await until(() => rig.outcomes.length === 2)
      assert.deepEqual(outcomes(), [
        [401, 'credential_renewed'],
        [200, undefined],
      ])
      assert.equal(rig.admitted.length, 2)
    })
  }

  test('that is refused again is not renewed again', async () => {
    await start(async () => true)
    answer = (_, response) => response.writeHead(401).end('no')
    assert.equal((await call()).status, 401)
    assert.equal(asked, 2)
  })

  test('that cannot be renewed leaves the caller with the whole answer', async () => {
    await start(async () => new Promise((resolve) => setTimeout(() => resolve(false), 20)))
    answer = (_, response) => response.writeHead(401).end(LONG)
    const reply = await call()
    assert.equal(reply.status, 401)
    assert.ok(reply.body.equals(LONG))
    await until(rig.settled)
    assert.deepEqual(outcomes(), [[401, undefined]])
  })

  test('of a call whose body is gone is renewed for the next one', async () => {
    let renewals = 0
    await start(async () => {
      renewals += 1
      return true
    })
    answer = (_, response) => response.writeHead(401).end('no')
    assert.equal((await call('POST', 'x'.repeat(70_000))).status, 401)
    assert.deepEqual([asked, renewals], [1, 1])
  })

  test('with a caller that does not wait for the new one ends with one outcome and no second try', async () => {
    let renewed = (_: boolean) => {}
    await start(() => new Promise((resolve) => (renewed = resolve)))
    answer = (_, response) => response.writeHead(401).end('no')
    const leaving = new AbortController()
    const left = assert.rejects(call('GET', undefined, leaving.signal))
    await until(() => asked === 1)
    leaving.abort()
    await left
    await until(() => rig.outcomes.length === 1)
    renewed(true)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(rig.outcomes[0]?.error, 'caller_left')
    assert.equal(asked, 1)
  })

  test('of a call that is revoked meanwhile is not tried again', async () => {
    let renewed = (_: boolean) => {}
    await start(() => new Promise((resolve) => (renewed = resolve)))
    answer = (_, response) => response.writeHead(401).end('no')
    const replied = call()
    await until(() => asked === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    rig.openCalls.kill(() => true, 'grant_changed')
    assert.notEqual((await replied).status, 401)
    renewed(true)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(asked, 1)
  })
})
