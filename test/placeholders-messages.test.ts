// Placeholders in WebSockets: in the head of the upgrade like anywhere, and in no message.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { MARK } from '../src/ground/placeholder-shape.ts'
import { closed, until } from './instruments/wait.ts'
import { type WebSocketUpstream, webSocketUpstream } from './instruments/web-socket-upstream.ts'
import { furnish, type World, world } from './instruments/world.ts'

const secret = 'secret-of-the-chat-0123456789'

describe('a placeholder in a WebSocket', () => {
  let around: World
  let upstream: WebSocketUpstream
  let token: string
  let placeholder: string
  const heard: string[] = []

  before(async () => {
    upstream = await webSocketUpstream({
      onSocket: (socket) =>
        socket.on('message', (data) => {
          heard.push(String(data))
          socket.send('heard')
        }),
    })
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    const { gateway } = around
    const origins = [`http://127.0.0.1:${upstream.port}`]
    token = (await furnish(gateway, { name: 'chat', origins, secret })).token
    const answer = await gateway.agent('POST', '/claviger/v1/agents/self/placeholders', {
      headers: {
        host: `127.0.0.1:${gateway.port}`,
        ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      },
      body: '{}',
    })
    placeholder = (answer.json() as { items: { placeholder: string }[] }).items[0]?.placeholder ?? ''
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
  })

  function socketWith(headers: Readonly<Record<string, string>>): WebSocket {
    const socket = new WebSocket(`ws://127.0.0.1:${around.gateway.port}/to/chat/live`, {
      headers: { 'x-api-key': token, ...headers },
    })
    return socket.on('error', () => {})
  }

  test('is replaced in the header of the upgrade, and refused in another one', async () => {
    const socket = socketWith({ authorization: `Bearer ${placeholder}` })
    await once(socket, 'open')
    assert.equal(upstream.asked.at(-1)?.headers.authorization, `Bearer ${secret}`)
    socket.terminate()
    const refused = socketWith({ 'x-note': placeholder })
    const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }]
    assert.equal(answer.statusCode, 400)
    refused.terminate()
    assert.equal(upstream.asked.length, 1)
  })

  test('ends the connection in a message, whole or in pieces, and is not heard', async () => {
    const middle = placeholder.indexOf(MARK) + 4
    const pieces = [[placeholder], [placeholder.slice(0, middle), placeholder.slice(middle)]]
    for (const message of pieces) {
      const socket = socketWith({})
      await once(socket, 'open')
      const over = closed(socket)
      socket.send('hello')
      await once(socket, 'message')
      message.forEach((piece, at) => {
        socket.send(piece, { fin: at === message.length - 1 })
        socket.ping('still here')
      })
      await over
    }
    await until(() => upstream.sockets.size === 0)
    assert.deepEqual(heard, ['hello', 'hello'])
    await until(async () => {
      const { items } = await around.gateway.does<{ items: object[] }>('GET', '/audit/records?type=outcome&limit=50')
      return items.filter((item) => JSON.stringify(item).includes('placeholder_misplaced')).length === 2
    })
  })
})
