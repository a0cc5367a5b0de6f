import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { closed, until } from '../../test/instruments/wait.ts'
import { listenTcp } from './listen.ts'

const head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** A listener whose answers the test gives. */
async function listening() {
  const asked: ServerResponse[] = []
  const listener = await listenTcp(
    { nextRid: () => 'rid', hosts: () => new Set(['a']), handle: (_request, response) => void asked.push(response) },
    '127.0.0.1',
    0,
  )
  return { listener, asked }
}

describe('listenTcp()', () => {
  test('answers requests that came together, in their order', async () => {
    const { listener, asked } = await listening()
    const socket = connect(listener.port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.write(head.repeat(17))
    await until(() => asked.length === 17)
    for (const [at, response] of asked.toReversed().entries()) response.end(`${16 - at};`)
    await until(() => text.includes('16;'))
    assert.equal(text.match(/\d+;/g)?.join(''), Array.from({ length: 17 }, (_, at) => `${at};`).join(''))
    socket.write(head.repeat(17))
    await until(() => asked.length === 34)
    socket.destroy()
    await listener.close(0)
  })

  test('cuts a client that sends on and on while its first request hangs', async () => {
    const { listener, asked } = await listening()
    const socket = connect(listener.port, '127.0.0.1')
    socket.on('error', () => {}).write(head.repeat(18))
    await closed(socket)
    assert.ok(asked.length <= 17)
    await listener.close(0)
  })
})
