import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { closed, until } from '../../../test/instruments/wait.ts'
import { hello, records } from './hello.support.ts'
import { passThrough } from './pass-through.ts'
import type { Tunnel } from './tunnels.ts'

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** What came to the far end. */
  readonly heard: () => Buffer
}

/** Two ends of one connection. */
async function pair(): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const came = once(server, 'connection') as Promise<[Socket]>
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [near] = await came
  server.close()
  let heard = Buffer.alloc(0)
  far
    .on('error', () => {})
    .on('data', (bytes: Buffer) => {
      heard = Buffer.concat([heard, bytes])
    })
  near.on('error', () => {})
  return { near, far, heard: () => heard }
}

const CHANGE = Buffer.from([20, 3, 3, 0, 1, 1])

/** A ServerHello of which nothing but its random matters here. */
function answer(random: Buffer): Buffer {
  return Buffer.concat([Buffer.from([22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3]), random, Buffer.from([0, 0x13, 1, 0])])
}
const RETRY = answer(createHash('sha256').update('HelloRetryRequest').digest())

describe('passThrough()', () => {
  let client: Pair
  let server: Pair
  let ended: string[]
  let one: Buffer
  let other: Buffer

  beforeEach(async () => {
    client = await pair()
    server = await pair()
    ended = []
    one = await hello({ servername: 'a.example' })
    other = await hello({ servername: 'b.example' })
    const tunnel = { socket: client.near, origin: { host: 'a.example' } } as unknown as Tunnel
    const onEnd = (_in: number, _out: number, error = '') => void ended.push(error)
    passThrough(tunnel, { upstream: server.near, onEnd }, Buffer.alloc(0))
  })
  afterEach(() => {
    for (const { near, far } of [client, server]) {
      near.destroy()
      far.destroy()
    }
  })

  const hears = (bytes: Buffer) => until(() => server.heard().length >= bytes.length)

  test('cuts a client that says its hello in records of one byte, at the first', async () => {
    const over = closed(client.far)
    client.far.write(records(one.subarray(5), 1).subarray(0, 6))
    await over
    await until(() => ended.length > 0)
    assert.deepEqual(ended, ['host_refused'])
    assert.equal(server.heard().length, 0)
  })

  test('lets all pass once the server took the hello, and nothing before', async () => {
    client.far.write(Buffer.concat([one, other]))
    await hears(one)
    assert.deepEqual(server.heard(), one)
    server.far.write(answer(Buffer.alloc(32, 7)))
    await hears(Buffer.concat([one, other]))
    client.far.write('more')
    await until(() => server.heard().subarray(-4).equals(Buffer.from('more')))
    assert.deepEqual(client.heard().subarray(-answer(Buffer.alloc(32)).length), answer(Buffer.alloc(32, 7)))
  })

  for (const early of [true, false])
    test(`cuts a client that says another host when asked again, ${early ? 'before' : 'after'} it is asked`, async () => {
      const again = Buffer.concat([CHANGE, other])
      client.far.write(early ? Buffer.concat([one, again]) : one)
      await hears(one)
      const over = closed(client.far)
      server.far.write(RETRY)
      if (!early) {
        await until(() => client.heard().subarray(-RETRY.length).equals(RETRY))
        client.far.write(again)
      }
      await over
      await until(() => ended.length > 0)
      assert.deepEqual(ended, ['host_refused'])
      assert.deepEqual(server.heard(), one)
    })

  test('lets a client say the same host again, and tells a request in pieces', async () => {
    client.far.write(one)
    await hears(one)
    server.far.setNoDelay(true)
    for (const byte of RETRY) server.far.write(Buffer.from([byte]))
    await until(() => client.heard().subarray(-RETRY.length).equals(RETRY))
    const all = Buffer.concat([one, CHANGE, one, Buffer.from('more')])
    client.far.write(all.subarray(one.length))
    await hears(all)
    assert.deepEqual(server.heard(), all)
  })

  test('hands on what a server says that takes no hello', async () => {
    client.far.write(one)
    await hears(one)
    const alert = Buffer.from([21, 3, 3, 0, 2, 2, 40])
    server.far.end(alert)
    await closed(client.far)
    assert.deepEqual(client.heard().subarray(-alert.length), alert)
  })
})
