// A revocation ends whatever is open, a hundred of each kind, and slow readers cost little memory (THREATS E-03, E-07).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { secureTunnel } from './instruments/tunnel-client.ts'
import { closed, until } from './instruments/wait.ts'
import { type WebSocketUpstream, webSocketUpstream } from './instruments/web-socket-upstream.ts'
import { type Furnished, furnish, type World, world } from './instruments/world.ts'

const EACH = 100
const SLOW = 100
const MIB = 1024 ** 2
/** Says what the gateway holds when it is asked to by a signal, with what is held for nobody let go. */
const PROBE = `process.on('SIGWINCH', () => {
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  process.stderr.write('holds ' + (heapUsed + arrayBuffers) + '\\n')
})`

describe('many of each kind', { skip: noOpenssl() }, () => {
  let authority: Authority
  let around: World
  let messages: WebSocketUpstream
  let secured: WebSocketUpstream
  let given: Furnished
  let flooding = false
  /** Bytes that the services gave away. */
  let given_ = 0

  before(async () => {
    authority = new Authority()
    messages = await webSocketUpstream({ onSocket: (socket) => flooding && flood(socket) })
    secured = await webSocketUpstream({ issued: authority.issue() })
    const NODE_OPTIONS = `--expose-gc --import data:text/javascript,${encodeURIComponent(PROBE)}`
    around = await world({ env: { CLAVIGER_DEMO: 'off', NODE_OPTIONS } })
    const { gateway } = around
    given = await furnish(gateway, { name: 'w', origins: [`http://127.0.0.1:${messages.port}`], secret: 'secret-of-w' })
    for (const [name, origin, trust] of [
      ['s', `https://localhost:${secured.port}`, authority.pem],
      ['e', around.upstream.origin, undefined],
    ] as const) {
      const described = { origins: [origin], addresses: ['127.0.0.0/8', '::1'], ...(trust && { trust }) }
      await gateway.does('POST', '/services', { name, injection: { kind: 'bearer' }, ...described })
      await gateway.does('POST', '/credentials', { handle: `${name}-key`, service: name, secret: `secret-of-${name}` })
      await gateway.does('POST', '/grants', { agent: 'agent-of-w', service: name, scopes: [`${name}:*`] })
    }
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await Promise.all([messages.close(), secured.close()])
    authority[Symbol.dispose]()
  })

  /** Sends for as long as the other side takes it. */
  function flood(socket: WebSocket): void {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const send = () => {
      if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MIB) return
      given_ += chunk.length
      socket.send(chunk, () => setImmediate(send))
    }
    send()
  }

  async function webSocket(token: string): Promise<WebSocket> {
    const headers = { authorization: `Bearer ${token}` }
    const socket = new WebSocket(`ws://127.0.0.1:${around.gateway.port}/to/w/live`, { headers })
    socket.on('error', () => {})
    await once(socket, 'open')
    return socket
  }

  async function stream(token: string, path: string): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${token}` }
    const asked = request({ port: around.gateway.port, path: `/to/e${path}`, headers, agent: false }).end()
    asked.on('error', () => {})
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.on('error', () => {})
    await once(answer, 'readable')
    return answer
  }

  const tunnel = (token: string): Promise<Socket> => {
    const to = `localhost:${secured.port}`
    return secureTunnel({ port: around.gateway.port, token, to, protocols: ['http/1.1'] })
  }

  /** MiB that the gateway holds. */
  async function held(): Promise<number> {
    const { gateway } = around
    const said = () => [...gateway.output().matchAll(/^holds (\d+)$/gm)]
    const before = said().length
    gateway.signal('SIGWINCH')
    await until(() => said().length > before)
    return Number(said().at(-1)?.[1]) / MIB
  }

  const all = <T>(make: () => Promise<T>, count = EACH): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, make))

  test('a hundred tunnels, WebSockets and streams each are over with the token that opened them', async (t) => {
    around.upstream.on('events', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: first\n\n')
    })
    const { gateway } = around
    const issued = await gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: 'agent-of-w' })
    const kept = [
      await webSocket(given.token),
      await tunnel(given.token),
      await stream(given.token, '/events'),
    ] as const
    const tunnels = await all(() => tunnel(issued.token))
    const sockets = await all(() => webSocket(issued.token))
    const streams = await all(() => stream(issued.token, '/events'))
    await until(() => messages.sockets.size === EACH + 1)

    let acknowledged = 0
    const ends: number[] = []
    const ended = async (over: Promise<unknown>) => {
      await over
      ends.push(performance.now())
    }
    const over = Promise.all([
      ...tunnels.map((socket) => ended(closed(socket.resume()))),
      ...sockets.map((socket) => ended(new Promise((resolve) => socket.once('close', resolve)))),
      ...streams.map((answer) => ended(closed(answer.resume()))),
      ...[...messages.sockets].slice(1).map((socket) => ended(new Promise((resolve) => socket.once('close', resolve)))),
    ])
    const began = performance.now()
    await gateway.does('DELETE', `/tokens/${issued.id}`)
    acknowledged = performance.now()
    await over
    t.diagnostic(
      `${ends.length} ends: the last ${Math.round(Math.max(...ends) - began)} ms after the revocation was asked for, ` +
        `which was acknowledged after ${Math.round(acknowledged - began)} ms`,
    )
    assert.equal(ends.length, 4 * EACH)
    assert.equal(kept[0].readyState, WebSocket.OPEN)
    assert.deepEqual([kept[1].destroyed, kept[2].destroyed], [false, false])
    kept[0].terminate()
    kept[1].destroy()
    kept[2].destroy()
  })

  test('slow readers of answers and of messages cost little memory', async (t) => {
    around.upstream.on('flood', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const send = () => {
        do given_ += chunk.length
        while (response.write(chunk))
      }
      response.on('drain', send)
      send()
    })
    flooding = true
    // What the code and its heap grow to by work alone is no reader's.
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const [socket, answer] = [await webSocket(given.token), await stream(given.token, '/flood')]
        let got = 0
        socket.on('message', (data: Buffer) => (got += data.length))
        answer.on('data', (data: Buffer) => (got += data.length))
        await until(() => got > 4 * MIB)
        socket.terminate()
        answer.destroy()
      }),
    )
    const before = await held()
    given_ = 0
    const sockets: WebSocket[] = []
    const answers: IncomingMessage[] = []
    // Ten at a time: the log has its turn between them.
    while (answers.length < SLOW) {
      const some = await all(() => webSocket(given.token), 10)
      for (const socket of some) socket.pause()
      sockets.push(...some)
      answers.push(...(await all(() => stream(given.token, '/flood'), 10)))
    }
    // Nobody reads: it is over when nothing more is taken.
    let [last, same] = [-1, 0]
    await until(async () => {
      same = given_ === last ? same + 1 : 0
      last = given_
      await new Promise((resolve) => setTimeout(resolve, 50))
      return same >= 5
    })
    const grown = (await held()) - before
    t.diagnostic(
      `${2 * SLOW} readers that read nothing: ${(given_ / MIB).toFixed()} MiB were given away, the gateway holds ${grown.toFixed(1)} more`,
    )
    // When the system gets back what has passed is the allocator's affair.
    assert.ok(grown < 32, `${grown} MiB`)
    for (const one of [...answers, ...sockets.map((socket) => ({ destroy: () => socket.terminate() }))]) one.destroy()
  })
})
