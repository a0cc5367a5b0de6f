import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Dispatcher } from 'undici'
import { Authority, noOpenssl } from '../../../test/instruments/certificates.ts'
import { type Http2Upstream, http2Upstream } from '../../../test/instruments/http2-upstream.ts'
import { tlsUpstream } from '../../../test/instruments/tls-upstream.ts'
import { until } from '../../../test/instruments/wait.ts'
import { SetClock } from '../../ground/clock.ts'
import type { ServiceId } from '../../ground/ids.ts'
import { parseOrigin } from '../../ground/origin.ts'
import { Lines } from '../lines.ts'
import { upstreamProblem } from '../upstream-error.ts'
import type { Line } from './negotiated-line.ts'

interface Heard {
  readonly status: number
  readonly body: string
  /** A problem's code, if it went wrong. */
  readonly error: string | undefined
}

describe('a line to a service by TLS', { skip: noOpenssl() }, () => {
  let authority: Authority
  const all = new AsyncDisposableStack()
  const dialled: number[] = []

  before(() => {
    authority = all.adopt(new Authority(), (made) => made[Symbol.dispose]())
  })
  after(() => all.disposeAsync())

  function lineTo(port: number, http2 = true): Line {
    const lines = new Lines({
      clock: new SetClock(),
      ca: [authority.pem],
      onDial: (_, to) => void dialled.push(to),
      onReset: () => {},
      onUnreachable: () => {},
    })
    all.defer(() => lines.stop())
    const origin = parseOrigin(`https://localhost:${port}`, { anyPort: true })
    const own = {
      service: 'srv_1' as ServiceId,
      origin,
      address: '127.0.0.1',
      credential: undefined,
      version: undefined,
    }
    return lines.line('a', () => ({ ...own, connectMs: 5_000, http2 }))
  }

  async function serving(options?: Parameters<typeof http2Upstream>[1]): Promise<Http2Upstream> {
    const upstream = await http2Upstream(authority.issue(), options)
    all.defer(() => upstream.close())
    return upstream
  }

  function ask(line: Line, path: string, more: { method?: string; body?: Buffer } = {}): Promise<Heard> {
    return new Promise((resolve) => {
      let status = 0
      let started = false
      const chunks: Buffer[] = []
      const end = (error?: string) => resolve({ status, body: Buffer.concat(chunks).toString(), error })
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => (started = true),
        onResponseStart: (_, code) => (status = code),
        onResponseData: (_, chunk) => void chunks.push(chunk),
        onResponseEnd: () => end(),
        onResponseError: (_, error) => end(upstreamProblem(error, started).code),
      }
      line.dispatch({ method: 'GET', path, headers: [], body: null, ...more } as Dispatcher.DispatchOptions, handler)
    })
  }

  const connectionsTo = (port: number) => dialled.filter((one) => one === port).length

  test('finds out once, and speaks HTTP/1.1 to a service that speaks nothing else', async () => {
    const upstream = await tlsUpstream(authority.issue())
    all.defer(() => upstream.close())
    const line = lineTo(upstream.port)
    const answers = await Promise.all(['/a', '/b', '/c'].map((path) => ask(line, path)))
    assert.deepEqual(
      answers.map(({ body }) => body),
      ['/a', '/b', '/c'].map((path) => `{"hello":"${path}"}`),
    )
    // What was dialled to find out is used: three calls at once are three connections.
    assert.equal(connectionsTo(upstream.port), 3)
  })

  test('does not offer HTTP/2 where it is off', async () => {
    const upstream = await serving({ first: true })
    assert.equal((await ask(lineTo(upstream.port, false), '/')).body, 'first')
    assert.equal((await ask(lineTo(upstream.port), '/')).body, '{"hello":"/"}')
  })

  test('opens another connection only when the service takes no more streams', async () => {
    const upstream = await serving({ maxConcurrentStreams: 2 })
    const line = lineTo(upstream.port)
    await ask(line, '/first')
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(line, `/${n}`)))
    assert.ok(answers.every(({ status }) => status === 200))
    assert.ok(connectionsTo(upstream.port) <= 8, String(connectionsTo(upstream.port)))
  })

  test('lets what runs end after a GOAWAY, and opens what follows elsewhere', async () => {
    const upstream = await serving()
    let go: (() => void) | undefined
    upstream.on('/long', (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('begun ')
      stream.session?.goaway(0)
      go = () => stream.end('ended')
    })
    const line = lineTo(upstream.port)
    const long = ask(line, '/long')
    await until(() => go !== undefined)
    await until(async () => (await ask(line, '/next')).status === 200 && upstream.connections() === 2)
    go?.()
    assert.deepEqual(await long, { status: 200, body: 'begun ended', error: undefined })
  })

  test('says which request was surely not looked at', async () => {
    const upstream = await serving()
    upstream.on('/refused', (stream) => stream.close(7))
    upstream.on('/broken', (stream) => stream.destroy(new Error('broken')))
    const line = lineTo(upstream.port)
    const post = { method: 'POST', body: Buffer.from('x') }
    assert.equal((await ask(line, '/refused', post)).error, 'upstream_unprocessed')
    assert.equal((await ask(line, '/broken', post)).error, 'upstream_broke')
    upstream.on('/leaves', (stream) => stream.session?.goaway(2, 1))
    assert.equal((await ask(line, '/leaves', post)).error, 'upstream_unprocessed')
  })

  test('takes no answer that was cut for whole, however it was cut', async () => {
    const upstream = await serving()
    const begun = (path: string, cut: (stream: Parameters<Parameters<Http2Upstream['on']>[1]>[0]) => void) =>
      upstream.on(path, (stream) => {
        stream.respond({ ':status': 200 })
        stream.write('half', () => cut(stream))
      })
    begun('/code', (stream) => stream.destroy(new Error('cut')))
    begun('/gone', (stream) => stream.session?.destroy())
    begun('/reset', () => upstream.cut())
    begun('/none', (stream) => stream.destroy())
    const line = lineTo(upstream.port)
    for (const path of ['/code', '/gone', '/reset', '/none'])
      assert.equal((await ask(line, path)).error, 'upstream_broke', path)
  })

  test('tells those that wait when the service cannot be reached or believed', async () => {
    using stranger = new Authority()
    const upstream = await http2Upstream(stranger.issue())
    all.defer(() => upstream.close())
    const line = lineTo(upstream.port)
    const answers = await Promise.all([ask(line, '/a'), ask(line, '/b')])
    assert.deepEqual(
      answers.map(({ error }) => error),
      ['upstream_tls', 'upstream_tls'],
    )
    assert.equal(upstream.received.length, 0)
  })
})
