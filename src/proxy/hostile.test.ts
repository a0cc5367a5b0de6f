import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { addressSpellings } from '../../test/generators/addresses.ts'
import { framings } from '../../test/generators/framing.ts'
import { headerSpellings } from '../../test/generators/header-spellings.ts'
import { hostileStrings } from '../../test/generators/hostile-strings.ts'
import { runSeed, seeded } from '../../test/generators/seeded.ts'
import { exchange } from '../../test/instruments/raw-http.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { keepAlive, send } from '../../test/instruments/send.ts'
import { SetClock } from '../ground/clock.ts'
import { parseOrigin } from '../ground/origin.ts'
import type { AskNames } from '../http/ask-names.ts'
import { createResolver } from '../http/resolve.ts'
import { type Rig, type RigOptions, SECRET, startRig, TOKEN } from './proxy.support.ts'

const full = process.env.PROVING === '1'
const CREDENTIALS = [
  'Authorization',
  'X-Api-Key',
  'Cookie',
  'Proxy-Authorization',
  'X-Auth-Token',
  'Api-Key',
  'X-Goog-Api-Key',
]
const MINE = 'attackers-own-key'
let upstream: RecordingUpstream
let rig: Rig

before(async () => {
  upstream = await RecordingUpstream.start()
  rig = await startRig({ origins: [upstream.origin] })
})
after(async () => {
  await rig.close()
  await upstream.close()
  assert.deepEqual(upstream.garbage, [], 'the service never saw a malformed request')
  assert.deepEqual(rig.bugs, [])
})

const raw = (lines: string, body = '') =>
  exchange(rig, `GET /to/up/ok HTTP/1.1\r\n${lines}\r\n${body}`, { silentMs: 2_000, quietMs: 20 })
const host = () => `Host: 127.0.0.1:${rig.port}\r\n`
const token = `Authorization: Bearer ${TOKEN}\r\n`

async function each<T>(list: readonly T[], work: (one: T) => Promise<void>, width = 40): Promise<void> {
  const queue = [...list]
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) await work(one)
    }),
  )
}

describe('hostile framing (B-01)', () => {
  test('never becomes a second request at the service', async () => {
    const seed = runSeed('framing')
    const all = framings({ path: '/to/up/f', host: `127.0.0.1:${rig.port}`, headers: token }, seed)
    const some = full ? all : seeded(seed).shuffle(all).slice(0, 150)
    await each(some, async (framing) => {
      await exchange(rig, framing.bytes, { silentMs: 300, quietMs: 40 })
      const path = framing.path.slice('/to/up'.length)
      const admitted = rig.admitted.filter((one) => one.startsWith(path)).length
      const seen = upstream.received(path).length
      assert.ok(
        seen <= admitted && admitted <= (framing.mayPipeline ? 2 : 1),
        `${framing.name}: ${seen} of ${admitted}`,
      )
      const smuggled = upstream.received(framing.smuggled.slice('/to/up'.length))
      assert.ok(framing.mayPipeline || smuggled.length === 0, `${framing.name} smuggled`)
    })
  })

  test('is not what goes out: one length, or chunks of our own, and nothing the caller named', async () => {
    upstream.forget()
    const body = '3;ext="x"\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n'
    const head = `POST /to/up/mirror HTTP/1.1\r\n${host()}${token}Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\nTE: trailers\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nX-Kept: 1\r\n\r\n`
    const { answers } = await exchange(rig, [head, body], { gapMs: 20, answers: 1 })
    assert.equal(answers[0]?.body.toString(), 'abc')
    const bytes = upstream.bytes().toString('latin1')
    assert.equal(bytes.match(/^(?:content-length|transfer-encoding):/gim)?.length, 1)
    for (const gone of ['ext=', 'X-Trailer', 'Keep-Alive', 'h2c', 'TE:', TOKEN]) assert.ok(!bytes.includes(gone), gone)
    assert.ok(bytes.includes('X-Kept: 1'))
  })
})

describe('hostile headers', () => {
  test('never split a head (B-03)', async () => {
    const strings = hostileStrings(runSeed('headers'), 300)
    await each(full ? strings : strings.slice(0, 300), async (text) => {
      const from = upstream.received('/hostile').length
      await exchange(
        rig,
        Buffer.from(`GET /to/up/hostile HTTP/1.1\r\n${host()}${token}X-Hostile: ${text}\r\n\r\n`, 'utf8'),
        { silentMs: 60, quietMs: 15 },
      )
      for (const { headers } of upstream.received('/hostile').slice(from)) {
        const known = ['host', 'connection', 'x-hostile', 'accept-encoding', 'authorization']
        assert.deepEqual(
          [...headers.keys()].filter((name) => !known.includes(name)),
          [],
          JSON.stringify(text),
        )
      }
    })
  })

  test('never stand beside our credential (B-04, A-11)', async () => {
    upstream.forget()
    await each(headerSpellings(CREDENTIALS, MINE), async ({ lines }) => {
      await raw(`${host()}x-api-key: ${TOKEN}\r\n${lines}`)
      await raw(`${host()}${token}${lines}`)
    })
    assert.ok(upstream.receipts.length >= 250, `${upstream.receipts.length} reached the service`)
    for (const { rawHeaders, headers } of upstream.receipts) {
      assert.deepEqual(headers.get('authorization'), [`Bearer ${SECRET}`])
      assert.ok(!rawHeaders.some((text) => text.includes(MINE)) || headers.has('x-a'), rawHeaders.join(' '))
    }
  })

  test('never choose the Host (B-05)', async () => {
    upstream.forget()
    const hosts = [
      '',
      'Host:\r\n',
      'Host: evil.test\r\n',
      'Host: evil.test:80\r\n',
      'host: a\r\nHost: b\r\n',
      'HOST : x\r\n',
      'Host: u@x\r\n',
      'Host: a, b\r\n',
      'X-Forwarded-Host: evil.test\r\n',
      'Forwarded: host=evil.test\r\n',
      'X-Host: evil.test\r\n',
      'X-HTTP-Host-Override: evil.test\r\n',
    ]
    for (const line of hosts) await raw(`${line}${token}`)
    assert.ok(upstream.receipts.length > 4)
    for (const { headers } of upstream.receipts) {
      assert.deepEqual(headers.get('host'), [`127.0.0.1:${upstream.port}`])
      for (const [name, values] of headers) assert.ok(name === 'host' || !values.join().includes('evil'), name)
    }
  })
})

describe('where the gateway connects', () => {
  test('is never an inside address, however it is written (C-01)', async () => {
    const resolver = createResolver({
      ask: async (name) => ({ addresses: [name], ttl: 60 }),
      hosts: { addresses: async () => [] },
    })
    let tried = 0
    for (const { host: spelling } of addressSpellings()) {
      const href = `https://${spelling}`
      if (!readable(href)) continue
      tried += 1
      await withRig({ origins: [href], allowed: undefined, resolver }, async (guarded) => {
        const reply = await send({
          port: guarded.port,
          method: 'GET',
          path: '/to/up/',
          headers: { 'x-api-key': TOKEN },
        })
        assert.deepEqual([reply.status, reply.code], [403, 'address_refused'], spelling)
        assert.match(String(reply.headers['proxy-status']), /destination_ip_prohibited/)
        assert.deepEqual(guarded.dials, [])
      })
    }
    assert.ok(
      tried >= 30 && addressSpellings().length >= 100,
      `${tried} of ${addressSpellings().length} can be written as an origin`,
    )
  })

  test('is never an address that a name was rebound to (C-02)', async () => {
    const clock = new SetClock()
    let turn = 0
    const ask: AskNames = async () => ({ addresses: [turn++ % 2 === 0 ? '127.0.0.1' : '8.8.8.8'], ttl: 0 })
    const resolver = createResolver({ ask, clock, hosts: { addresses: async () => [] } })
    const accepts = upstream.accepts
    const options: RigOptions = {
      origins: [`http://rebind.example.com:${upstream.port}`],
      allowed: undefined,
      resolver,
      timeouts: { connectMs: 1 },
      breaker: { failures: Number.POSITIVE_INFINITY },
    }
    await withRig(options, async (guarded) => {
      const connections = keepAlive(1)
      const seen = new Map<string, number>()
      for (let i = 0; i < 1_000; i++) {
        clock.advance(1_000)
        const headers = { 'x-api-key': TOKEN }
        const { code = '' } = await send({ port: guarded.port, method: 'GET', path: '/to/up/', headers, connections })
        seen.set(code, (seen.get(code) ?? 0) + 1)
      }
      connections.destroy()
      assert.equal(upstream.accepts, accepts, 'no connection to loopback')
      assert.ok(guarded.dials.every((dial) => dial.startsWith('8.8.8.8 ')))
      assert.equal(seen.get('address_refused'), 500, JSON.stringify([...seen]))
    })
  })

  test('is never where a redirect points (C-03)', async () => {
    const evil = await listener()
    const places = [
      `http://127.0.0.1:${evil.port}/`,
      `//127.0.0.1:${evil.port}/`,
      `\\\\127.0.0.1:${evil.port}\\`,
      `http://u:p@127.0.0.1:${evil.port}/`,
    ]
    for (const status of [301, 302, 303, 307, 308]) {
      for (const place of places) {
        const { headers, status: got } = await send({
          port: rig.port,
          method: 'GET',
          path: `/to/up/redirect/${status}?to=${encodeURIComponent(place)}`,
          headers: { 'x-api-key': TOKEN },
        })
        assert.equal(got, status)
        assert.ok(
          headers.location === undefined || headers.location === `http://127.0.0.1:${evil.port}/`,
          headers.location,
        )
      }
    }
    assert.equal(evil.accepts(), 0)
    evil.server.close()
  })

  for (const port of [22, 25, 6379]) {
    test(`is never port ${port} of a public host (C-07)`, async () => {
      const resolver = createResolver({ ask: async () => ({ addresses: ['8.8.8.8'], ttl: 60 }) })
      await withRig({ origins: [`http://api.example.com:${port}`], allowed: undefined, resolver }, async (guarded) => {
        const reply = await send({
          port: guarded.port,
          method: 'GET',
          path: '/to/up/',
          headers: { 'x-api-key': TOKEN },
        })
        assert.equal(reply.code, 'address_refused')
        assert.deepEqual(guarded.dials, [])
      })
    })
  }
})

async function withRig(options: RigOptions, work: (guarded: Rig) => Promise<void>): Promise<void> {
  const guarded = await startRig(options)
  try {
    await work(guarded)
  } finally {
    await guarded.close()
  }
}

function readable(href: string): boolean {
  try {
    return parseOrigin(href).host !== ''
  } catch {
    return false
  }
}

async function listener(): Promise<{ port: number; server: Server; accepts: () => number }> {
  let accepts = 0
  const server = createServer((socket: Socket) => {
    accepts += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, server, accepts: () => accepts }
}
