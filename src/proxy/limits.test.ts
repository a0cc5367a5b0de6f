import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { patternDigest, patternStream } from '../../test/instruments/pattern.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { keepAlive, type SendOptions, send } from '../../test/instruments/send.ts'
import { stallModes } from '../../test/instruments/upstream-stalls.ts'
import { until } from '../../test/instruments/wait.ts'
import { SetClock } from '../ground/clock.ts'
import { type Rig, type RigOptions, startRig, TOKEN } from './proxy.support.ts'

const full = process.env.PROVING === '1'
const MEGABYTE = 1024 * 1024
const headers = { authorization: `Bearer ${TOKEN}` }
let upstream: RecordingUpstream

before(async () => {
  upstream = await RecordingUpstream.start()
})
after(() => upstream.close())

async function withRig(options: Partial<RigOptions>, work: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await startRig({ origins: [upstream.origin], ...options })
  try {
    await work(rig)
    assert.deepEqual(rig.bugs, [])
  } finally {
    await rig.close()
  }
}

const call = (rig: Rig, method: string, path: string, options: Partial<SendOptions> = {}) =>
  send({ port: rig.port, ...options, method, path: `/to/up${path}`, headers: { ...headers, ...options.headers } })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('an upstream that is ill (J-01)', () => {
  const each = full ? 200 : 4

  test('ends every call in time and harms no other service', async () => {
    const timeouts = { headersMs: 300, idleMs: 300 }
    const breaker = { failures: Number.POSITIVE_INFINITY, inFlight: 10_000 }
    await withRig({ timeouts, breaker }, async (rig) => {
      await withRig({}, async (healthy) => {
        const ill = stallModes.flatMap((mode) =>
          Array.from({ length: each }, () =>
            call(rig, 'GET', `/${mode}`).then(
              (reply) => reply.code ?? 'whole',
              () => 'cut',
            ),
          ),
        )
        const well = Array.from({ length: each * 4 }, () => call(healthy, 'GET', '/ok'))
        for (const reply of await Promise.all(well)) assert.equal(reply.status, 200)
        const ends = await Promise.all(ill)
        assert.deepEqual([...new Set(ends)].sort(), ['cut', 'upstream_broke', 'upstream_timeout'])
        // More than the calls where one was tried again: every admission has its outcome, and exactly one.
        assert.ok(rig.admitted.length >= ends.length)
        await until(() => rig.outcomes.length === rig.admitted.length)
        assert.equal(rig.openCalls.total, 0)
      })
    })
  })

  test('that never takes a connection is a 504', async () => {
    await withSilentAddress(async (port) => {
      await withRig({ origins: [`https://127.0.0.1:${port}`], timeouts: { connectMs: 200 } }, async (rig) => {
        const reply = await call(rig, 'GET', '/')
        assert.deepEqual([reply.status, reply.code], [504, 'upstream_connect_timeout'])
      })
    })
  })

  test('that nobody answers for is a 502', async () => {
    const gone = await RecordingUpstream.start()
    const { origin } = gone
    await gone.close()
    await withRig({ origins: [origin] }, async (rig) => {
      const reply = await call(rig, 'GET', '/')
      assert.deepEqual([reply.status, reply.code], [502, 'upstream_unreachable'])
    })
  })

  test('rests after 20 failures at most, and is tried again', async () => {
    const clock = new SetClock()
    await withRig({ clock }, async (rig) => {
      const codes: (string | undefined)[] = []
      for (let i = 0; i < 20; i++) codes.push((await call(rig, 'GET', '/stall-reset')).code)
      assert.equal(codes.at(-1), 'service_resting')
      const resting = await call(rig, 'GET', '/ok')
      assert.deepEqual([resting.status, resting.headers['retry-after']], [503, '5'])
      clock.advance(5_000)
      assert.equal((await call(rig, 'GET', '/ok')).status, 200)
      assert.equal((await call(rig, 'GET', '/ok')).status, 200)
    })
  })
})

describe('time limits are limits of silence (J-11)', () => {
  test('a stream may go on for hours', async () => {
    const clock = new SetClock()
    upstream.on('hours', (_request, response) => {
      response.write('begin\n')
      response.on('close', () => clearInterval(timer))
      const timer = setInterval(() => response.write('.\n'), 5)
    })
    await withRig({ clock, timeouts: { headersMs: 30_000, idleMs: 120_000 } }, async (rig) => {
      let pieces = 0
      const stop = new AbortController()
      const reading = call(rig, 'GET', '/hours', {
        signal: stop.signal,
        onChunk: () => {
          pieces += 1
          clock.advance(60_000)
          rig.watch.look()
          if (pieces === 35) stop.abort()
        },
      })
      await assert.rejects(reading, { name: 'AbortError' })
      assert.equal(pieces, 35)
      await until(() => rig.outcomes[0]?.error === 'caller_left')
    })
  })

  test('an upload may take longer than every limit, and the answer may be long in coming', async () => {
    const clock = new SetClock()
    await withRig({ clock, timeouts: { headersMs: 400, idleMs: 400 } }, async (rig) => {
      const sent = request({ port: rig.port, method: 'POST', path: '/to/up/digest', headers })
      const asked = upstream.receipts.length
      for (let i = 1; i <= 12; i++) {
        sent.write(Buffer.alloc(1_000))
        await until(() => upstream.receipts[asked]?.body.length === i * 1_000)
        clock.advance(350)
        rig.watch.look()
      }
      sent.end()
      const [response] = await once(sent, 'response')
      assert.deepEqual(JSON.parse(Buffer.concat(await response.toArray()).toString()).length, 12_000)
    })
    await withRig({ clock, timeouts: { headersMs: 300_000 } }, async (rig) => {
      let answer: () => void = () => undefined
      upstream.on('thinks', (_request, response) => {
        answer = () => response.end('thought')
      })
      const thinking = call(rig, 'POST', '/thinks', { body: 'x' })
      await until(() => upstream.receipts.at(-1)?.url === '/thinks')
      for (let i = 0; i < 4; i++) {
        clock.advance(60_000)
        rig.watch.look()
      }
      answer()
      assert.equal((await thinking).text(), 'thought')
    })
  })

  test('silence ends a call on either side', async () => {
    const clock = new SetClock()
    await withRig({ clock, timeouts: { headersMs: 100, idleMs: 100 } }, async (rig) => {
      const silence = () => {
        clock.advance(200)
        rig.watch.look()
      }
      const waiting = call(rig, 'GET', '/stall-headers')
      await until(() => upstream.receipts.at(-1)?.url === '/stall-headers')
      silence()
      assert.equal((await waiting).code, 'upstream_timeout')
      let half = ''
      const cut = assert.rejects(call(rig, 'GET', '/stall-half-body', { onChunk: (chunk) => (half += chunk) }))
      await until(() => half === 'half')
      silence()
      await cut
      const asked = upstream.receipts.length
      const upload = request({
        port: rig.port,
        method: 'POST',
        path: '/to/up/digest',
        headers: { ...headers, 'content-length': 10 },
      })
      upload.on('error', () => undefined)
      upload.write('12345')
      await until(() => upstream.receipts[asked]?.body.length === 5)
      silence()
      const [response] = await once(upload, 'response')
      assert.equal(response.statusCode, 408)
      response.resume()
      const given = endless()
      const download = request({ port: rig.port, path: '/to/up/endless', headers }).end()
      const [reading] = await once(download, 'response')
      reading.on('error', () => undefined)
      await settled(given)
      silence()
      await until(() => rig.outcomes.length === 4)
      assert.deepEqual(
        rig.outcomes.map(({ error }) => error),
        ['upstream_timeout', 'upstream_timeout', 'caller_timeout', 'caller_timeout'],
      )
    })
  })
})

describe('connections are kept (J-12)', () => {
  test('as many as there are calls at once, and no more', async () => {
    await withRig({}, async (rig) => {
      const before = upstream.accepts
      const connections = keepAlive(64)
      let left = full ? 10_000 : 2_000
      const worker = async () => {
        while (left-- > 0) assert.equal((await call(rig, 'GET', '/ok', { connections })).status, 200)
      }
      await Promise.all(Array.from({ length: 64 }, worker))
      connections.destroy()
      assert.ok(upstream.accepts - before <= 64, `${upstream.accepts - before} connections`)
    })
  })

  test('by one credential, and are let go when it is changed', async () => {
    await withRig({}, async (rig) => {
      const before = upstream.accepts
      await call(rig, 'GET', '/ok')
      await call(rig, 'POST', '/digest', { body: 'x' })
      assert.equal(upstream.accepts - before, 1)
      rig.dialer.closeCredential(rig.opened.id)
      await call(rig, 'GET', '/ok')
      assert.equal(upstream.accepts - before, 2)
      rig.dialer.cutAll()
      await call(rig, 'GET', '/ok')
      assert.equal(upstream.accepts - before, 3)
      await until(() => upstream.connections.slice(before).filter(({ open }) => open).length === 1)
    })
  })
})

describe('large bodies are streamed (J-03)', () => {
  test('both ways at once within a bound of memory', async () => {
    const [count, size] = full ? [20, 1024 * MEGABYTE] : [4, 16 * MEGABYTE]
    await withRig({ breaker: { inFlight: 1_000 } }, async (rig) => {
      await call(rig, 'GET', `/bytes/${MEGABYTE}`, { discard: true })
      const start = process.memoryUsage().rss
      let most = start
      const sampler = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss)
      }, 20)
      const up = Array.from({ length: count }, async () => {
        assert.deepEqual((await call(rig, 'PUT', '/digest', { body: patternStream(size) })).json(), {
          length: size,
          sha256: patternDigest(size),
        })
      })
      const down = Array.from({ length: count }, async () => {
        const hash = createHash('sha256')
        await call(rig, 'GET', `/bytes/${size}`, { discard: true, onChunk: (chunk) => hash.update(chunk) })
        assert.equal(hash.digest('hex'), patternDigest(size))
      })
      await Promise.all([...up, ...down]).finally(() => clearInterval(sampler))
      const grown = Math.round((most - start) / MEGABYTE)
      console.log(`# ${count} × ${size / MEGABYTE} MiB each way: RSS grew by ${grown} MiB, client and service included`)
      assert.ok(grown < 300, `${grown} MiB`)
    })
  })

  test('and no faster than the slower side takes them', async () => {
    await withRig({}, async (rig) => {
      const given = endless()
      const reader = request({ port: rig.port, path: '/to/up/endless', headers }).end()
      reader.on('error', () => undefined)
      const [response] = await once(reader, 'response')
      response.on('error', () => undefined)
      await settled(given)
      assert.ok(given() < 64 * MEGABYTE, `${given()} bytes without a reader`)
      reader.destroy()

      upstream.on('deaf', (incoming) => void incoming.pause())
      const writer = request({ port: rig.port, method: 'POST', path: '/to/up/deaf', headers })
      writer.on('error', () => undefined)
      let sent = 0
      const push = () => {
        while (writer.write(Buffer.alloc(65_536))) sent += 65_536
      }
      writer.on('drain', push)
      push()
      await settled(() => sent)
      assert.ok(sent < 64 * MEGABYTE, `${sent} bytes without a reader`)
      writer.destroy()
      await until(() => rig.outcomes.length === 2)
    })
  })
})

/** Has the service give as much as is taken at `/endless`, and says how much that was. */
function endless(): () => number {
  let given = 0
  upstream.on('endless', (_request, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536))) given += 65_536
    }
    response.on('drain', more)
    more()
  })
  return () => given
}

/** Waits until the number has stopped growing: neither a moment nor many turns of the loop, which moves it, add to it. */
async function settled(read: () => number): Promise<void> {
  for (let last = -1; last !== read(); ) {
    last = read()
    await pause(150)
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  }
}

/** A port whose connections stand but where nobody speaks TLS. */
async function withSilentAddress(work: (port: number) => Promise<void>): Promise<void> {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work((server.address() as { port: number }).port)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}
