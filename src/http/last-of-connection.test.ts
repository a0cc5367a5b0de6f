import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { CallId } from '../ground/ids.ts'
import { type Listener, listenTcp } from './listen.ts'
import { httpProblem } from './problems.ts'
import { sendProblem } from './send-problem.ts'

/** A listener that refuses everything without reading a body. */
function refusing(): Promise<Listener> {
  return listenTcp(
    {
      nextRid: () => 'call_1' as CallId,
      hosts: () => new Set(['x']),
      handle: (_, response, rid) => sendProblem(response, httpProblem('unauthenticated'), rid),
    },
    '127.0.0.1',
    0,
  )
}

const head = (length: number) => `POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`

async function everything(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (bytes) => (text += bytes))
  await new Promise((resolve) => socket.on('close', resolve))
  return text
}

describe('lastOfConnection()', () => {
  test('lets a caller that sends all before it reads anything have its answer', async () => {
    const listener = await refusing()
    const socket = connect(listener.port, '127.0.0.1').pause()
    socket.on('error', () => {})
    const body = Buffer.alloc(1 << 20)
    socket.write(head(8 * body.length))
    for (let piece = 0; piece < 8; piece += 1) await new Promise((resolve) => socket.write(body, resolve))
    const text = await everything(socket.resume())
    assert.match(text, /^HTTP\/1\.1 401 /)
    assert.match(text, /\r\nconnection: close\r\n/i)
    await listener.close(0)
  })

  test('takes nothing that follows for a request', async () => {
    const listener = await refusing()
    const socket = connect(listener.port, '127.0.0.1')
    socket.write(`${head(10)}01234`)
    await once(socket, 'data')
    socket.write('56789GET /second HTTP/1.1\r\nhost: x\r\n\r\n')
    socket.end()
    assert.ok(!(await everything(socket)).includes('HTTP/1.1'))
    await listener.close(0)
  })

  test('closes on a caller that never stops', async () => {
    const listener = await refusing()
    const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {}).resume()
    socket.write(head(Number.MAX_SAFE_INTEGER))
    const more = () => {
      if (socket.destroyed) return
      socket.write('x')
      setImmediate(more)
    }
    more()
    await new Promise((resolve) => socket.on('close', resolve))
    await listener.close(0)
  })
})
