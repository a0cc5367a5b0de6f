import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { until } from '../../test/instruments/wait.ts'
import { type Rig, startRig, TOKEN } from './proxy.support.ts'

const head = 'HTTP/1.1 413 Content Too Large\r\n'
const closing = `${head}content-length: 9\r\nconnection: close\r\n\r\ntoo large`
const keeping = `${head}content-length: 9\r\n\r\ntoo large`
const unmeasured = `${head}connection: close\r\n\r\ntoo large`
const half = `${head}content-length: 18\r\nconnection: close\r\n\r\ntoo large`
const TOTAL = 32 << 20
const chunk = Buffer.alloc(1 << 16)

type Way = (socket: Socket) => void

/** What a service does that has read the head and does not want the body. Closing with unread bytes makes a RST. */
const answering =
  (text: string, end: Way): Way =>
  (socket) => {
    socket.pause()
    socket.write(text, () => end(socket))
  }
const stays: Way = () => {}
const closes: Way = (socket) => socket.destroy()
const resets: Way = (socket) => socket.resetAndDestroy()
const halfCloses: Way = (socket) => socket.end().resume()

/** A service that behaves so on every connection, after `readBytes` of the request. */
async function service(way: Way, readBytes: number) {
  let received = 0
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let left = readBytes
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      received += bytes.length
      left -= bytes.length
      if (left > 0) return
      left = Number.POSITIVE_INFINITY
      way(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received: () => received }
}

/** Uploads `TOTAL` bytes while it listens, and gives everything that came back. */
async function upload({ port }: Rig, framing: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let sent = 0
  socket.on('error', () => {}).on('data', (bytes) => (text += bytes.toString('latin1')))
  socket.write(`POST /to/up/x HTTP/1.1\r\nhost: up\r\nauthorization: Bearer ${TOKEN}\r\n${framing}\r\n\r\n`)
  const chunked = framing.startsWith('transfer')
  const more = () => {
    while (sent < TOTAL && !socket.destroyed) {
      sent += chunk.length
      if (chunked) socket.write('10000\r\n')
      const ready = socket.write(chunk)
      if (chunked) socket.write('\r\n')
      if (!ready) return void socket.once('drain', more)
    }
  }
  more()
  // Not once(): it rejects on the error that an upload ends with when nobody wants it.
  await new Promise((resolve) => socket.on('close', resolve))
  return text
}

describe('an answer that comes before the request is complete', () => {
  const ways: readonly (readonly [string, Way])[] = [
    ['and stays', answering(closing, stays)],
    ['and half-closes', answering(closing, halfCloses)],
    ['and closes with bytes unread', answering(closing, closes)],
    ['and cuts', answering(closing, resets)],
    ['without saying that it closes, and cuts', answering(keeping, resets)],
    ['that ends with the connection, and half-closes', answering(unmeasured, halfCloses)],
  ]
  const framings = [`content-length: ${TOTAL}`, 'transfer-encoding: chunked']
  const cases = ways.flatMap(([what, way]) =>
    framings.flatMap((framing) => [1, 2 << 20].map((readBytes) => ({ what, way, framing, readBytes }))),
  )
  for (const { what, way, framing, readBytes } of cases) {
    test(`reaches the caller when the service answers ${what} after ${readBytes} of ${framing}`, async () => {
      const { server, origin, received } = await service(way, readBytes)
      const rig = await startRig({ origins: [origin] })
      try {
        const text = await upload(rig, framing)
        assert.match(text, /^HTTP\/1\.1 413 /)
        assert.match(text, /\r\ntoo large(?:\r\n0\r\n\r\n)?$/)
        await until(rig.settled)
        assert.deepEqual(
          rig.outcomes.map(({ status, error, bytesOut }) => [status, error, bytesOut]),
          [[413, undefined, 9]],
        )
        assert.ok(received() < TOTAL && rig.outcomes[0]!.bytesIn < TOTAL, 'the rest was not sent')
        assert.deepEqual(rig.bugs, [])
      } finally {
        await rig.close()
        server.close()
      }
    })
  }

  test('reaches a caller that reads nothing before it has sent all', async () => {
    const { server, origin } = await service(answering(closing, closes), 1)
    const rig = await startRig({ origins: [origin] })
    const socket = connect(rig.port, '127.0.0.1').pause()
    let failed = false
    socket.on('error', () => (failed = true))
    socket.write(
      `POST /to/up/x HTTP/1.1\r\nhost: up\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: ${1 << 22}\r\n\r\n`,
    )
    for (let sent = 0; sent < 1 << 22 && !failed; sent += chunk.length) {
      await new Promise((resolve) => socket.write(chunk, resolve))
    }
    let text = ''
    socket.on('data', (bytes) => (text += bytes)).resume()
    await new Promise((resolve) => socket.on('close', resolve))
    assert.match(text, /^HTTP\/1\.1 413 .*\r\ntoo large$/s)
    await rig.close()
    server.close()
  })

  const broken: readonly (readonly [string, string])[] = [
    ['of no known length', unmeasured],
    ['of a greater length', half],
  ]
  for (const [what, text] of broken) {
    test(`is cut off, and on record as broken, if it is one ${what} and the service cuts`, async () => {
      const { server, origin } = await service(answering(text, resets), 1)
      const rig = await startRig({ origins: [origin] })
      try {
        // Cut by the gateway too: without a length the caller must not take the end of the connection for the answer's.
        const came = await upload(rig, `content-length: ${TOTAL}`)
        assert.ok(!came.endsWith('\r\n0\r\n\r\n'), came.slice(-80))
        await until(rig.settled)
        assert.deepEqual(
          rig.outcomes.map(({ error }) => error),
          ['upstream_broke'],
        )
      } finally {
        await rig.close()
        server.close()
      }
    })
  }
})
