// Tokens that are bound to where they may come from: stolen ones are worth nothing elsewhere, and the try is on record.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exchange } from './instruments/raw-http.ts'
import { type Reply, send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Issued {
  readonly id: string
  readonly token: string
  readonly from: readonly string[]
  readonly socketFolder?: string
}

describe('a token that is bound to where it may come from', () => {
  let around: World
  before(async () => {
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  })
  after(() => around[Symbol.asyncDispose]())

  const issue = (from: readonly string[], more: object = {}) =>
    around.gateway.does<Issued>('POST', '/tokens', { agent: 'agent-of-u', from, ...more })

  /** A call of the service, by the agents' listener or by a socket. */
  const call = (token: string, socketPath?: string): Promise<Reply> =>
    send({
      ...(socketPath === undefined ? { port: around.gateway.port } : { socketPath }),
      method: 'GET',
      path: '/to/u/who',
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${token}` },
    })

  async function denied(token: string): Promise<number> {
    const { items } = await around.gateway.does<{ items: { type: string; actor?: { key?: string } }[] }>(
      'GET',
      '/audit/records?type=deny',
    )
    return items.filter(({ actor }) => actor?.key === token).length
  }

  test('passes from there', async () => {
    const { token, from } = await issue(['127.0.0.0/8', '::1'])
    assert.deepEqual(from, ['127.0.0.0/8', '::1'])
    assert.equal((await call(token)).status, 200)
  })

  test('is refused from elsewhere at every way in, on record, and nothing is sent', async () => {
    const { token, id } = await issue(['192.0.2.0/24'])
    const before = around.upstream.receipts.length
    const { port } = around.gateway
    const headers = { host: `127.0.0.1:${port}`, authorization: `Bearer ${token}` }
    const ways: Promise<Reply>[] = [
      call(token),
      around.gateway.agent('POST', '/claviger/v1/call', {
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ service: 'u', method: 'GET', path: '/who' }),
      }),
      around.gateway.agent('GET', '/claviger/v1/agents/self/local-ca', { headers }),
      around.gateway.agent('GET', `/a/${token}/to/u/who`, { headers: { host: headers.host } }),
    ]
    for (const reply of await Promise.all(ways)) assert.deepEqual([reply.status, reply.code], [403, 'token_elsewhere'])
    const basic = Buffer.from(`claviger:${token}`).toString('base64')
    for (const target of ['CONNECT 127.0.0.1:443', `GET ${around.upstream.origin}/who`]) {
      const text = `${target} HTTP/1.1\r\nhost: ${new URL(around.upstream.origin).host}\r\nproxy-authorization: Basic ${basic}\r\n\r\n`
      const { answers } = await exchange({ port }, text, { answers: 1 })
      assert.equal(answers[0]?.status, 403)
      assert.match(String(answers[0]?.body), /token_elsewhere/)
    }
    assert.equal(around.upstream.receipts.length, before)
    await until(async () => (await denied(id)) >= ways.length + 2)
  })

  test('with a socket of its own passes there, and there alone', async () => {
    const { token, id, socketFolder = '' } = await issue(['socket'])
    const path = join(socketFolder, 'gateway.sock')
    assert.equal((await call(token, path)).status, 200)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(socketFolder).mode & 0o777, 0o700)
    const elsewhere = await call(token)
    assert.deepEqual([elsewhere.status, elsewhere.code], [403, 'token_elsewhere'])
    const another = await issue(['socket'])
    const swapped = await call(token, join(another.socketFolder ?? '', 'gateway.sock'))
    assert.deepEqual([swapped.status, swapped.code], [403, 'token_elsewhere'])
    const unbound = await call(around.token, path)
    assert.deepEqual([unbound.status, unbound.code], [403, 'token_elsewhere'])
    await until(async () => (await denied(id)) >= 2)
  })

  test('loses its socket with its life', async () => {
    const { id, socketFolder = '' } = await issue(['socket'])
    const short = await issue(['socket'], { ttlSeconds: 1 })
    await around.gateway.does('DELETE', `/tokens/${id}`)
    await until(() => !existsSync(socketFolder))
    await until(() => !existsSync(short.socketFolder ?? ''))
  })

  test('has its socket again after a restart, in the same folder, and no dead one is left', async () => {
    const { token, id, socketFolder = '' } = await issue(['socket'])
    const dead = await issue(['socket'])
    await around.gateway.does('DELETE', `/tokens/${dead.id}`)
    await around.gateway.kill9()
    await around.gateway.restart()
    assert.equal((await call(token, join(socketFolder, 'gateway.sock'))).status, 200)
    assert.ok(readdirSync(join(socketFolder, '..')).includes(id))
    assert.ok(!existsSync(dead.socketFolder ?? ''))
  })

  for (const from of [[], ['0.0.0.0/0'], ['localhost'], ['10.0.0.0/99']])
    test(`is not issued for ${JSON.stringify(from)}`, async () => {
      const { status } = await around.gateway.operator('POST', '/tokens', { agent: 'agent-of-u', from })
      assert.equal(status, 400)
    })
})
