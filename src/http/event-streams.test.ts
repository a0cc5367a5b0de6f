import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { connect, Socket } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import { z } from 'zod'
import { EventReader } from '../../test/instruments/event-reader.ts'
import { until } from '../../test/instruments/wait.ts'
import { addressSet } from '../ground/addresses.ts'
import { hostNames } from './check-head.ts'
import { clientAddresses } from './client-address.ts'
import { buildControlPlane } from './control-plane.ts'
import { bind, bindStream, endpoint } from './endpoint.ts'
import { EventStream, EventStreams, eventFrame, type Feed } from './event-streams.ts'
import { type Listener, listenTcp } from './listen.ts'

const news = endpoint({
  method: 'GET',
  path: '/claviger/v1/news',
  caller: 'agent',
  summary: 'News',
  stream: true,
  reply: z.object({}),
})
const slow = endpoint({ method: 'GET', path: '/claviger/v1/slow', caller: 'agent', summary: '', reply: z.object({}) })

const listeners = new Set<(frame: string) => void>()
const feed: Feed = {
  first: () => eventFrame('state', { items: [] }),
  follow: (send) => {
    listeners.add(send)
    return () => listeners.delete(send)
  },
}
const tell = (data: object) => {
  for (const send of [...listeners]) send(eventFrame('news', data))
}

describe('a stream of events', () => {
  const dead = new Set<string>()
  let streams: EventStreams<string>
  let listener: Listener
  const held = Promise.withResolvers<Record<string, never>>()

  before(async () => {
    streams = new EventStreams<string>({ lives: (who) => !dead.has(who), nameOf: (who) => who, heartbeatMs: 20 })
    let count = 0
    const nextRid = () => `call_${count++}`
    const app = await buildControlPlane<string>({
      endpoints: [bindStream(news, () => new EventStream(feed)), bind(slow, () => held.promise)],
      authenticate: ({ headers }) => String(headers.authorization),
      clientOf: clientAddresses(addressSet([])),
      streams,
      nextRid,
      onBug: (error) => assert.fail(String(error)),
    })
    const hosts = (port: number) => hostNames('127.0.0.1', port, [], 80)
    listener = await listenTcp(
      { handle: (request, response) => app.routing(request, response), nextRid, hosts },
      '127.0.0.1',
      0,
    )
  })
  afterEach(async () => {
    streams.endAll('shutting_down')
    await until(() => streams.count === 0 && listeners.size === 0)
    dead.clear()
  })
  after(() => listener.close(0))

  const open = (who: string) =>
    EventReader.open({ port: listener.port, path: '/claviger/v1/news', headers: { authorization: who } })

  test('begins with how things stand, goes on with what happens, and is kept alive by comments', async () => {
    using reader = await open('ann')
    assert.deepEqual(await reader.heard('state'), { items: [] })
    const { 'content-type': type, 'cache-control': cache, ...rest } = reader.response.headers
    assert.deepEqual([type, cache], ['text/event-stream', 'no-store'])
    assert.equal(rest['access-control-allow-origin'], undefined)
    tell({ text: 'a\nb' })
    assert.deepEqual(await reader.heard('news'), { text: 'a\nb' })
    await until(() => reader.comments > 1)
    reader.leave()
    await until(() => streams.count === 0)
    assert.equal(listeners.size, 0)
  })

  test('ends as soon as its caller is nobody any more, and tells them nothing after that', async () => {
    using reader = await open('ann')
    using other = await open('bob')
    await Promise.all([reader.heard('state'), other.heard('state')])
    dead.add('ann')
    tell({ secret: true })
    const { how, last } = await reader.end()
    assert.equal(how, 'end')
    assert.deepEqual(last, { event: 'end', data: { reason: 'caller_over' } })
    assert.deepEqual(reader.named('news'), [])
    await other.heard('news')
    dead.add('bob')
    assert.deepEqual((await other.end()).last?.data, { reason: 'caller_over' }, 'without anything to tell, too')
  })

  test('is cut where its reader falls behind by more than is kept', async () => {
    const socket = connect({ port: listener.port, host: '127.0.0.1' })
    socket.write(`GET /claviger/v1/news HTTP/1.1\r\nhost: 127.0.0.1:${listener.port}\r\nauthorization: ann\r\n\r\n`)
    socket.pause()
    using reader = await open('bob')
    await until(() => listeners.size === 2)
    const text = 'x'.repeat(64 * 1024)
    let told = 0
    // So much lies in the kernel's own buffers; then at the gateway, which keeps a bounded part.
    while (listeners.size === 2 && told < 2_000) {
      tell({ text, told: told++ })
      await until(() => reader.named('news').length === told)
    }
    assert.equal(streams.count, 1)
    socket.destroy()
    tell({ last: true })
    await until(() => reader.named('news').length === told + 1)
  })

  test('is refused to a caller that has four, and there is room again when one ends', async () => {
    const readers = await Promise.all([open('ann'), open('ann'), open('ann'), open('ann')])
    using fifth = await open('ann')
    assert.deepEqual([fifth.status, await fifth.code()], [429, 'streams_crowded'])
    assert.equal(fifth.response.headers['retry-after'], '5')
    using other = await open('bob')
    assert.equal(other.status, 200)
    readers[0]?.leave()
    await until(() => streams.count === 4)
    using again = await open('ann')
    assert.equal(again.status, 200)
    for (const reader of readers) reader.leave()
  })

  test('is refused to everybody of a kind where all have as many as there may be', async () => {
    const names = Array.from({ length: 256 }, (_, at) => `agent-${at >> 2}`)
    const readers = await Promise.all(names.map(open))
    assert.equal(streams.count, 256)
    using late = await open('late')
    assert.equal(await late.code(), 'streams_crowded')
    for (const reader of readers) reader.leave()
  })

  test('of members, however many there are, takes no room of operators', () => {
    const answer = () => new ServerResponse(Object.assign(new IncomingMessage(new Socket()), { method: 'GET' }))
    const full = new EventStreams<string>({ lives: () => true, nameOf: (who) => who })
    const each = (kind: 'member' | 'operator') => {
      for (let at = 0; at < 64; at += 1) full.open(`${kind}${at}`, kind, answer(), 'call_x', new EventStream(feed))
    }
    each('member')
    assert.throws(() => full.open('late', 'member', answer(), 'call_x', new EventStream(feed)), {
      code: 'streams_crowded',
    })
    each('operator')
    assert.equal(full.count, 128)
    full.close()
  })

  test('that waits for its turn on a connection is forgotten with it', async () => {
    const socket = connect({ port: listener.port, host: '127.0.0.1' }).on('error', () => {})
    const head = `HTTP/1.1\r\nhost: 127.0.0.1:${listener.port}\r\nauthorization: ann\r\n\r\n`
    socket.write(`GET /claviger/v1/slow ${head}GET /claviger/v1/news ${head}`)
    await until(() => streams.count === 1)
    socket.destroy()
    await until(() => streams.count === 0)
    held.resolve({})
  })

  test('ends in good order when all do, and no other begins', async () => {
    using reader = await open('ann')
    await reader.heard('state')
    const closing = new EventStreams<string>({ lives: () => true, nameOf: (who) => who })
    closing.close()
    const nowhere = { feed } as EventStream
    assert.throws(() => closing.open('ann', 'agent', {} as never, 'call_x', nowhere), { code: 'streams_crowded' })
    streams.endAll('shutting_down')
    const { how, last } = await reader.end()
    assert.deepEqual([how, last?.data.reason], ['end', 'shutting_down'])
  })
})
