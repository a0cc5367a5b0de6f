import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { send } from '../../test/instruments/send.ts'
import { until } from '../../test/instruments/wait.ts'
import { createResolver } from '../http/resolve.ts'
import { type Rig, type RigOptions, SECRET, startRig, TOKEN } from './proxy.support.ts'

const LARGE = 300 * 1024

/** Gives back what it was sent, and parts of it to whoever asks for parts. */
function echo(): Server {
  return createServer((request, response) => {
    const { authorization = '', range } = request.headers
    const secret = authorization.slice('Bearer '.length)
    if (request.url === '/names') response.setHeader(`x-${secret}`, '1').setHeader('x-plain', '1')
    if (request.url === '/host') response.setHeader('location', `https://${secret}.example.com/${secret}?q=${secret}`)
    if (request.url === '/host') response.statusCode = 302
    const whole = Buffer.from(`you sent: ${authorization}`.padEnd(request.url === '/large' ? LARGE : 0, '.'))
    const part = /^bytes=(\d+)-(\d+)$/.exec(range ?? '')
    if (part === null) {
      response.end(whole)
      return
    }
    const [from, to] = [Number(part[1]), Number(part[2])]
    const total = request.url === '/vague' ? '*' : whole.length
    if (request.url !== '/parts') response.setHeader('content-range', `bytes ${from}-${to}/${total}`)
    response.statusCode = 206
    response.end(whole.subarray(from, to + 1))
  })
}

const call = (rig: Rig, path: string, headers: Record<string, string> = {}) =>
  send({ port: rig.port, method: 'GET', path: `/to/up${path}`, headers: { 'x-api-key': TOKEN, ...headers } })

describe('a service that echoes', () => {
  const upstream = echo()
  let rig: Rig
  const start = (options: Partial<RigOptions> = {}) =>
    startRig({ origins: [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`], ...options })
  before(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    rig = await start()
  })
  after(async () => {
    await rig.close()
    upstream.closeAllConnections()
    upstream.close()
  })

  test('does not reach the caller with the secret in a header name', async () => {
    const { rawHeaders, headers } = await call(rig, '/names')
    assert.equal(headers['x-plain'], '1')
    assert.ok(!rawHeaders.join('\n').toLowerCase().includes(SECRET))
    await until(rig.settled)
    assert.equal(rig.outcomes.at(-1)?.echoes, 2, 'in the name and in the body')
  })

  test('does not reach the caller with the secret in the letters of a host', async () => {
    const mixed = await start({ secret: 'Canary-7F3B9C2E51D84A06' })
    const { headers } = await call(mixed, '/host')
    assert.ok(!String(headers.location).toLowerCase().includes('7f3b9c2e51d84a06'), String(headers.location))
    await mixed.close()
  })

  for (const path of ['/short', '/vague', '/parts']) {
    test(`does not hand out ${path.slice(1)} answers in parts`, async () => {
      assert.match((await call(rig, path)).text(), /redacted/)
      const reply = await call(rig, path, { range: 'bytes=17-27' })
      assert.deepEqual([reply.status, reply.code], [502, 'upstream_range_refused'])
    })
  }

  test('hands out parts of large answers, and of any where nothing is searched for', async () => {
    assert.equal((await call(rig, '/large', { range: 'bytes=1000-1009' })).text(), '..........')
    const open = await start({ scrub: false })
    assert.equal((await call(open, '/short', { range: 'bytes=0-2' })).text(), 'you')
    await open.close()
  })
})

describe('a call that loses what allowed it just after it was admitted', () => {
  test('sends nothing, even where a connection is ready', async () => {
    let asked = 0
    const upstream = createServer((_request, response) => {
      asked += 1
      response.end('ok')
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const rig = await startRig({ origins: [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`] })
    await call(rig, '/warm')
    const enter = rig.openCalls.enter.bind(rig.openCalls)
    rig.openCalls.enter = (footing) => {
      const open = enter(footing)
      queueMicrotask(() => open.abort('grant_changed'))
      return open
    }
    const reply = await call(rig, '/late')
    await until(rig.settled)
    await rig.close()
    upstream.closeAllConnections()
    upstream.close()
    assert.deepEqual([reply.status, reply.code, asked], [403, 'call_ended', 1])
    assert.equal(rig.outcomes.at(-1)?.error, 'call_ended')
  })
})

describe('a host that the caller chose under a wildcard', () => {
  test('does not rest the service for everybody by failing', async () => {
    const ask = async () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }))
    const rig = await startRig({
      origins: ['https://api.example.com', 'https://*.example.com'],
      resolver: createResolver({ ask }),
      breaker: { failures: 3 },
    })
    const chosen = (label: string) =>
      send({
        port: rig.port,
        method: 'POST',
        path: '/claviger/v1/call',
        headers: { 'x-api-key': TOKEN, 'content-type': 'application/json' },
        body: JSON.stringify({ service: 'up', method: 'GET', path: `https://${label}.example.com/` }),
      })
    for (let at = 0; at < 8; at++) assert.equal((await chosen(`x${at}`)).code, 'upstream_dns_failed')
    const { state } = rig.breakers.of(rig.service.id)
    await rig.close()
    assert.equal(state, 'closed')
  })
})
