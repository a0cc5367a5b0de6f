// WebSockets through the real doors: base URL, CONNECT and whole URLs, one gate before each, and every other upgrade refused.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { connect as secure } from 'node:tls'
import { WebSocket } from 'ws'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { closed, until } from './instruments/wait.ts'
import { type WebSocketUpstream, webSocketUpstream } from './instruments/web-socket-upstream.ts'
import { type Furnished, furnish, type World, world } from './instruments/world.ts'

interface Recorded {
  readonly rid: string
  readonly type: string
  readonly decision?: { readonly reasons?: readonly string[] }
  readonly outcome?: Readonly<Record<string, unknown>>
  readonly ev?: Readonly<Record<string, unknown>>
}

describe('WebSockets at the gateway', { skip: noOpenssl() }, () => {
  const secret = 'sk-of-the-messages-0123456789'
  let authority: Authority
  let around: World
  let plain: WebSocketUpstream
  let secured: WebSocketUpstream
  let given: Furnished
  let givenSecured: Furnished

  before(async () => {
    authority = new Authority()
    plain = await webSocketUpstream()
    secured = await webSocketUpstream({ issued: authority.issue() })
    around = await world({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_DRAIN_SECONDS: '0' } })
    const { gateway } = around
    const actions = { order: { method: 'GET', path: '/live/orders', ask: 'tap' } }
    const paths = ['/live/{+rest}']
    given = await furnish(gateway, {
      name: 'w',
      origins: [`http://127.0.0.1:${plain.port}`],
      secret,
      service: { paths, actions },
    })
    const origins = [`https://localhost:${secured.port}`]
    givenSecured = await furnish(gateway, { name: 's', origins, secret, service: { trust: authority.pem } })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await Promise.all([plain.close(), secured.close()])
    authority[Symbol.dispose]()
  })
  beforeEach(() => {
    plain.asked.splice(0)
    secured.asked.splice(0)
  })

  const records = async (query: string): Promise<Recorded[]> =>
    (await around.gateway.does<{ items: Recorded[] }>('GET', `/audit/records?limit=500&${query}`)).items

  async function opened(token = given.token, path = '/to/w/live/1'): Promise<WebSocket> {
    const headers = { authorization: `Bearer ${token}` }
    const socket = new WebSocket(`ws://127.0.0.1:${around.gateway.port}${path}`, { headers })
    socket.on('error', () => {})
    await once(socket, 'open')
    return socket
  }

  const ended = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.once('close', resolve))

  async function echoes(socket: WebSocket): Promise<void> {
    socket.send('hello')
    const [data] = (await once(socket, 'message')) as [Buffer]
    assert.equal(data.toString(), 'hello')
  }

  /** The status and code of an answer to a request that wants to go on in another protocol. */
  function upgrade(protocol: string, path: string, token: string | undefined, version = '13'): Promise<string> {
    const websocket = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': version }
    const headers = {
      ...{ connection: 'Upgrade', upgrade: protocol, ...websocket },
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    return new Promise((resolve, reject) => {
      const asked = request({ port: around.gateway.port, path, headers, agent: false })
      asked.on('upgrade', (_, socket) => {
        socket.destroy()
        resolve('switched')
      })
      asked.on('error', reject).on('response', (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const { code } = JSON.parse(Buffer.concat(chunks).toString()) as { code: string }
          resolve(`${answer.statusCode} ${code}`)
        })
      })
      asked.end()
    })
  }

  test('are refused, as is every other upgrade, before anything is dialled, and on record (E-01)', async () => {
    const { gateway } = around
    const { token: revoked, id } = await gateway.does<{ token: string; id: string }>('POST', '/tokens', {
      agent: 'agent-of-w',
    })
    await gateway.does('DELETE', `/tokens/${id}`)
    const [connections, deniedBefore] = [plain.connections(), (await records('type=deny')).length]
    const good = given.token
    const asks: [string, string | undefined, string][] = [
      ['/to/w/live/1', undefined, '401 unauthenticated'],
      ['/to/w/live/1', 'clv_ak_nonsense', '401 unauthenticated'],
      ['/to/w/live/1', revoked, '401 token_not_live'],
      ['/to/w/other', good, '403 target_not_allowed'],
      ['/to/s/live/1', good, '403 service_not_granted'],
      ['/to/nowhere/live/1', good, '403 service_not_granted'],
    ]
    const protocols = ['websocket', 'WebSocket', 'h2c', 'TLS/1.0', 'irc/6.9', 'x, websocket']
    let attempts = 0
    for (const protocol of protocols)
      for (const [path, token, answer] of asks) {
        assert.equal(await upgrade(protocol, path, token), answer, `${protocol} ${path} ${token}`)
        attempts += 1
      }
    for (const protocol of protocols.slice(2)) {
      assert.equal(await upgrade(protocol, '/to/w/live/1', good), '403 protocol_not_carried', protocol)
      attempts += 1
    }
    assert.equal(await upgrade('websocket', '/to/w/live/1', good, '8'), '403 protocol_not_carried')
    attempts += 1
    assert.equal(plain.connections(), connections)
    await until(async () => (await records('type=deny')).length - deniedBefore === attempts)
    const reasons = (await records('type=deny')).map(({ decision }) => decision?.reasons?.[0])
    assert.equal(reasons.filter((reason) => reason === 'protocol_not_carried').length, 5)
  })

  test('are carried nowhere but to services', async () => {
    for (const path of ['/', '/claviger/v1/agents/self', '/auth/challenge', '/oauth/token'])
      assert.equal(await upgrade('websocket', path, given.token), '501 upgrade_refused', path)
    assert.equal(plain.connections() + secured.connections(), 0)
  })

  test('leave an intent before, and an outcome with frames and bytes behind', async () => {
    const socket = await opened()
    const intents = await records('type=intent')
    const { rid, ev } = intents.find(({ ev }) => ev?.upgrade === 'websocket') as Recorded
    assert.deepEqual(ev, { upgrade: 'websocket' })
    await echoes(socket)
    assert.equal(plain.asked[0]?.headers.authorization, `Bearer ${secret}`)
    socket.close(1000)
    assert.equal(await ended(socket), 1000)
    const outcomeOf = async () => (await records('type=outcome')).find((one) => one.rid === rid)?.outcome
    await until(async () => (await outcomeOf()) !== undefined)
    const { ms: _, ...outcome } = (await outcomeOf()) as Record<string, unknown>
    assert.deepEqual(outcome, { status: 101, bytesIn: 7, bytesOut: 7, framesIn: 2, framesOut: 2 })
  })

  test('are opened by Node’s own client, with the token in the address', async () => {
    const socket = new globalThis.WebSocket(`ws://127.0.0.1:${around.gateway.port}/a/${given.token}/to/w/live/2`)
    await once(socket as unknown as NodeJS.EventEmitter & globalThis.WebSocket, 'open')
    const answered = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)))
    socket.send('from node')
    assert.equal(await answered, 'from node')
    assert.equal(socket.extensions, '')
    const over = new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))
    socket.close(1000)
    assert.equal(await over, 1000)
    assert.ok(!JSON.stringify(plain.asked[0]?.rawHeaders).includes(given.token))
  })

  /** A WebSocket in a tunnel of its own. */
  async function inTunnel(token: string, path = '/live/1'): Promise<WebSocket> {
    const host = `localhost:${secured.port}`
    const socket: Socket = connect(around.gateway.port, '127.0.0.1').on('error', () => {})
    const basic = Buffer.from(`x:${token}`).toString('base64')
    socket.write(`CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\nproxy-authorization: Basic ${basic}\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (!answer.toString().startsWith('HTTP/1.1 200 ')) throw new Error(answer.toString())
    const inner = secure({ socket, servername: 'localhost', rejectUnauthorized: false })
    const web = new WebSocket(`ws://${host}${path}`, { createConnection: () => inner })
    web.on('error', () => {})
    await once(web, 'open')
    return web
  }

  test('go through tunnels, where the client believes it speaks to the service', async () => {
    const socket = await inTunnel(givenSecured.token, '/live/3?q=1')
    await echoes(socket)
    const [asked] = secured.asked
    assert.deepEqual([asked?.url, asked?.headers.authorization], ['/live/3?q=1', `Bearer ${secret}`])
    assert.equal(asked?.headers.host, `localhost:${secured.port}`)
    socket.close()
    await ended(socket)
  })

  test('come as whole URLs too, with the token for the proxy', async () => {
    const host = `127.0.0.1:${plain.port}`
    const basic = Buffer.from(`x:${given.token}`).toString('base64')
    const options = { headers: { host, 'proxy-authorization': `Basic ${basic}` } }
    const socket = new WebSocket(`ws://127.0.0.1:${around.gateway.port}/`, {
      ...options,
      finishRequest: (asked) => {
        asked.path = `http://${host}/live/4`
        asked.end()
      },
    })
    await once(socket, 'open')
    await echoes(socket)
    assert.equal(plain.asked[0]?.url, '/live/4')
    assert.equal(plain.asked[0]?.headers['proxy-authorization'], undefined)
    socket.close()
    await ended(socket)
  })

  test('end at once with what they stand on, and only those', async () => {
    const { gateway } = around
    const other = await opened()
    const ends: [string, (about: { id: string; token: string }) => Promise<unknown>][] = [
      ['the token', ({ id }) => gateway.does('DELETE', `/tokens/${id}`)],
      ['the lock', () => gateway.does('POST', `/agents/${givenSecured.agentId}/lock`)],
      ['the grant', () => gateway.does('DELETE', `/grants/${givenSecured.grantId}`)],
    ]
    for (const [what, end] of ends) {
      const issued = await gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: 'agent-of-s' })
      const sockets = [await opened(issued.token, '/to/s/live/1'), await inTunnel(issued.token)]
      await Promise.all(sockets.map(echoes))
      const over = Promise.all(sockets.map(ended))
      const above = Promise.all([...secured.sockets].map(ended))
      await end(issued)
      const codes = await over
      await above
      // In a tunnel its own connection may be cut first.
      assert.ok(codes[0] === 1008 && [1008, 1006].includes(codes[1] as number), `${what}: ${codes}`)
      if (what === 'the lock') await gateway.does('POST', `/agents/${givenSecured.agentId}/unlock`)
    }
    await echoes(other)
    const over = ended(other)
    await gateway.does('POST', '/seal')
    assert.equal(await over, 1008)
    await gateway.restart()
  })

  interface Waiting {
    readonly id: string
    readonly digest: string
  }

  /** Until somebody is asked. */
  async function asked(): Promise<Waiting> {
    let waiting: Waiting | undefined
    await until(async () => {
      const { items } = await around.gateway.does<{ items: Waiting[] }>('GET', '/approvals?status=pending')
      waiting = items[0]
      return waiting !== undefined
    })
    return waiting as Waiting
  }

  test('wait for a human’s yes, who sees that messages will follow', async () => {
    const opening = opened(given.token, '/to/w/live/orders')
    const { id, digest } = await asked()
    assert.equal(plain.asked.length, 0)
    const approval = await around.gateway.does('GET', `/approvals/${id}`)
    assert.match(JSON.stringify(approval), /"upgrade"[^}]*"websocket"/)
    await around.gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
    const socket = await opening
    await echoes(socket)
    assert.equal(plain.asked[0]?.headers.authorization, `Bearer ${secret}`)
    socket.close()
    await ended(socket)
  })

  test('do not keep the gateway from stopping, open or waiting', async () => {
    const sockets = await Promise.all([opened(), opened()])
    const over = Promise.all(sockets.map(ended))
    const idle = connect(around.gateway.port, '127.0.0.1')
    const cut = closed(idle.resume())
    const waits = opened(given.token, '/to/w/live/orders').then(
      () => 'open',
      () => 'refused',
    )
    await asked()
    assert.equal(await around.gateway.stop(), 0)
    assert.deepEqual(await over, [1001, 1001])
    assert.equal(await waits, 'refused')
    await cut
    await around.gateway.restart()
  })
})
