// Calls by the SDK through a real gateway: what the service says, what the gateway refuses, and streams both ways.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { AgentClient } from '../sdk/src/agent/agent-client.ts'
import { TokenClient } from '../sdk/src/agent/token-client.ts'
import { AuthenticationError, PermissionError, ServiceError, UpstreamError } from '../sdk/src/errors/families.ts'
import { generateKeyPair } from '../sdk/src/keys.ts'
import { webCryptoSigner } from '../sdk/src/signer.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

let around: World
let byKey: AgentClient
before(async () => {
  around = await world()
  const { gateway } = around
  const baseUrl = gateway.url
  const signer = await webCryptoSigner(await generateKeyPair())
  const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
  const { agentId } = await AgentClient.register({ baseUrl, name: 'caller', signer, invite })
  await gateway.does('POST', '/grants', { agent: agentId, service: 'u', scopes: ['u:*'] })
  byKey = new AgentClient({ baseUrl, agentId, signer, dpop: true })
})
after(() => around[Symbol.asyncDispose]())

const byToken = (token = around.token) => new TokenClient({ baseUrl: around.gateway.url, token })

describe('call() through a real gateway', () => {
  for (const [name, agent] of [
    ['a key, bound tokens', () => byKey],
    ['a given token', () => byToken()],
  ] as const) {
    test(`reaches the service with its credential, by ${name}`, async () => {
      const body = { title: 'ä' }
      const options = {
        method: 'POST',
        path: '/mirror/x',
        query: { q: "it's", n: [1, 2] },
        headers: { 'x-a': 'b' },
        body,
      }
      const answer = await agent().call('u', options)
      assert.deepEqual([answer.status, await answer.json()], [200, body])
      const receipt = around.upstream.receipts.at(-1)
      assert.equal(receipt?.url, '/mirror/x?q=it%27s&n=1&n=2')
      assert.deepEqual(receipt?.headers.get('authorization'), [`Bearer ${around.secret}`])
      assert.deepEqual(receipt?.headers.get('x-a'), ['b'])
      const { items } = await around.gateway.does<{ items: object[] }>('GET', '/audit/records?limit=20')
      assert.ok(JSON.stringify(items).includes(String(answer.requestId)), 'the request id is that of the record')
    })

    test(`throws what the gateway refuses, and gives what the service does, by ${name}`, async () => {
      await assert.rejects(agent().call('nothing', { path: '/x' }), (error: unknown) => {
        assert.ok(error instanceof PermissionError)
        assert.ok(error.hint?.includes('claviger grant') && error.requestId?.startsWith('call_'))
        return error.code === 'service_not_granted'
      })
      await assert.rejects(agent().call('nothing', { method: 'HEAD' }), { code: 'service_not_granted', status: 403 })
      assert.equal((await agent().call('u', { path: '/status/401' })).status, 401)
      await assert.rejects(agent().callJson('u', { path: '/status/404' }), (error: unknown) => {
        return error instanceof ServiceError && (error.body as { status: string }).status === '404'
      })
      const moved = await agent().call('u', { path: '/redirect/302', query: { to: '/ok' } })
      assert.deepEqual([moved.status, moved.headers.get('location')], [302, '/to/u/ok'])
      const echoed = await agent().call('u', { path: '/echo/raw' })
      assert.ok(!(await echoed.text()).includes(around.secret))
      const forged = await agent().call('u', { path: '/hostile-headers' })
      assert.match(String(forged.requestId), /^call_/)
    })
  }

  test('throws AuthenticationError for a token that is none', async () => {
    await assert.rejects(byToken(`${around.token.slice(0, -1)}x`).call('u'), (error: unknown) => {
      return error instanceof AuthenticationError && error.code === 'unauthenticated'
    })
  })

  test('throws UpstreamError where the service gives no whole answer', async () => {
    around.upstream.on('dies', (request) => request.socket.destroy())
    await assert.rejects(byToken().call('u', { method: 'POST', path: '/dies' }), (error: unknown) => {
      return error instanceof UpstreamError && error.code === 'upstream_broke'
    })
  })
})

describe('streams through a real gateway', () => {
  test('go up as they come, and down as they come', async () => {
    const hash = createHash('sha256')
    const body = async function* () {
      for (let n = 0; n < 300; n++) {
        const chunk = new Uint8Array(10_000).fill(n)
        hash.update(chunk)
        yield chunk
      }
    }
    const sent = await byKey.callJson<{ length: number; sha256: string }>('u', {
      ...{ method: 'PUT', path: '/digest', body: body() },
    })
    assert.deepEqual(sent, { length: 3_000_000, sha256: hash.digest('hex') })
    let length = 0
    for await (const chunk of await byKey.call('u', { path: '/bytes/3000000?chunked=1' })) length += chunk.length
    assert.equal(length, 3_000_000)
  })

  test('stop going up when the answer is there already, and give it: a refusal, or what the service says', async () => {
    around.upstream.on('early', (_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large')
    })
    let closed = 0
    const endless = async function* () {
      try {
        for (;;) {
          yield new Uint8Array(50_000)
          await new Promise(setImmediate)
        }
      } finally {
        closed += 1
      }
    }
    const send = (service: string) => byKey.call(service, { method: 'PUT', path: '/early', body: endless() })
    await assert.rejects(send('nothing'), { code: 'service_not_granted' })
    await until(() => closed === 1)
    assert.equal(await (await send('u')).text(), 'too large')
    await until(() => closed === 2)
    await (await send('u')).cancel()
    await until(() => closed === 3)
  })

  test('give each event when it comes, and end at the service when their reader leaves', async () => {
    let tell: (text: string) => void = () => undefined
    around.upstream.on('chat', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      tell = (text) => response.write(text)
    })
    const answer = await byKey.call('u', { method: 'POST', path: '/chat', body: { stream: true } })
    const seen: string[] = []
    tell('id: 1\nevent: delta\ndata: one\n\n')
    for await (const { type, data, lastEventId } of answer.events()) {
      seen.push(`${type} ${data} ${lastEventId}`)
      if (seen.length === 3) break
      tell(`data: after ${data}\r\n\r\n`)
    }
    assert.deepEqual(seen, ['delta one 1', 'message after one 1', 'message after after one 1'])
    await until(() => around.upstream.receipts.at(-1)?.aborted === true)
  })

  test('end with the grant that they stood on', async () => {
    around.upstream.on('endless', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    })
    const { gateway } = around
    await gateway.does('POST', '/agents', { name: 'brief' })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'brief' })
    const grant = { agent: 'brief', service: 'u', scopes: ['u:*'] }
    const { id } = await gateway.does<{ id: string }>('POST', '/grants', grant)
    const read = async () => {
      for await (const _ of (await byToken(token).call('u', { path: '/endless' })).events()) {
        await gateway.does('DELETE', `/grants/${id}`)
      }
    }
    await assert.rejects(read(), { code: 'answer_cut' })
  })
})
