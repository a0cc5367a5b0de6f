import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { type Reply, send } from './instruments/send.ts'
import { type World, world } from './instruments/world.ts'

// Clients that can send no credential: known by their base URL, or by the listener that is theirs.
let folder: string
let around: World
const listener = () => join(folder, 'agent.sock')
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'claviger-bound-'))
  const CLAVIGER_AGENT_LISTEN = `agent-of-u=unix:${listener()}, nobody=unix:${folder}/nobody.sock`
  around = await world({ env: { CLAVIGER_AGENT_LISTEN } })
})
after(async () => {
  await around?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

type Headers = Readonly<Record<string, string>>
const byUrl = (token: string, path: string, headers: Headers = {}): Promise<Reply> =>
  send({ port: around.gateway.port, method: 'GET', path: `/a/${token}${path}`, headers })
const byListener = (path: string, headers: Headers = {}, socketPath = listener()): Promise<Reply> =>
  send({ socketPath, method: 'GET', path, headers: { host: 'localhost', ...headers } })
const explicit = JSON.stringify({ service: 'u', method: 'GET', path: '/n/2' })

describe('a base URL with a token in it', () => {
  test('names the agent, and the service, the log and the output see nothing of it', async () => {
    const reply = await byUrl(around.token, '/to/u/n/1?q=1')
    assert.equal(reply.status, 200)
    const receipt = around.upstream.receipts.at(-1)
    assert.equal(receipt?.url, '/n/1?q=1')
    assert.deepEqual(receipt?.headers.get('authorization'), [`Bearer ${around.secret}`])
    const seen = Buffer.from(JSON.stringify([receipt?.rawHeaders, around.gateway.output()]))
    assert.deepEqual(await around.oracle.search(seen, 'upstream and output', ['token']), [])
    assert.deepEqual(await around.oracle.searchTree(around.gateway.home, ['token']), [])
  })

  test('is good for explicit calls and for what agents ask of the gateway', async () => {
    const headers = { host: `127.0.0.1:${around.gateway.port}`, 'content-type': 'application/json' }
    const { port } = around.gateway
    const path = `/a/${around.token}/claviger/v1/call`
    assert.equal((await send({ port, method: 'POST', path, headers, body: explicit })).status, 200)
    assert.equal((await byUrl(around.token, '/claviger/v1/auth/self')).status, 200)
  })

  test('gives way to a token of the gateway in the headers, and not to a key of others', async () => {
    const other = { authorization: 'Bearer sk-test-1234' }
    assert.equal((await byUrl(around.token, '/to/u/n', other)).status, 200)
    const unknown = around.token.replace(/.{8}$/, '00000000')
    assert.equal((await byUrl(around.token, '/to/u/n', { authorization: `Bearer ${unknown}` })).code, 'unauthenticated')
  })

  test('is nothing without a good token', async () => {
    for (const token of ['nobody', 'clv_ak_x', around.gateway.operatorToken]) {
      assert.ok([401, 403].includes((await byUrl(token, '/to/u/n')).status))
    }
    assert.equal((await send({ port: around.gateway.port, method: 'GET', path: '/a/' })).code, 'endpoint_unknown')
  })
})

describe('a listener that is one agent’s own', () => {
  test('names the agent where no token of the gateway is shown', async () => {
    assert.equal((await byListener('/to/u/n/1')).status, 200)
    assert.equal((await byListener('/to/u/n/1', { authorization: 'Bearer sk-test-1234' })).status, 200)
    const unknown = { authorization: `Bearer ${around.token.replace(/.{8}$/, '00000000')}` }
    assert.equal((await byListener('/to/u/n/1', unknown)).code, 'unauthenticated')
    assert.equal((await byListener('/claviger/v1/auth/self')).status, 200)
  })

  test('is nobody’s where there is no such agent', async () => {
    const reply = await byListener('/to/u/n/1', {}, join(folder, 'nobody.sock'))
    assert.equal(reply.code, 'unauthenticated')
  })

  test('serves nothing of the operators', async () => {
    assert.equal((await byListener('/claviger/v1/agents')).code, 'endpoint_unknown')
  })

  test('refuses web pages: the address is all that one would have to know', async () => {
    for (const headers of [
      { origin: 'http://127.0.0.1:3000' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ]) {
      assert.equal((await byListener('/to/u/n/1', headers)).code, 'cross_site_refused')
    }
  })

  test('stands in the record, and stops with its agent, running streams too', async () => {
    around.upstream.on('endless', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const timer = setInterval(() => response.write('data: more\n\n'), 20)
      response.on('close', () => clearInterval(timer))
    })
    const begun = Promise.withResolvers<void>()
    const over = send({
      socketPath: listener(),
      method: 'GET',
      path: '/to/u/endless',
      headers: { host: 'localhost' },
      onChunk: () => begun.resolve(),
      discard: true,
    }).catch(() => 'cut')
    await begun.promise
    await asOperator(around.gateway, 'agent lock agent-of-u')
    assert.equal(await over, 'cut')
    assert.equal((await byListener('/to/u/n/1')).code, 'agent_not_active')
    await asOperator(around.gateway, 'agent unlock agent-of-u')
    assert.equal((await byListener('/to/u/n/1')).status, 200)
    const { stdout } = await asOperator(around.gateway, 'audit tail --type intent --json')
    assert.match(stdout, /"lst_agent_[0-9A-Za-z]+@unix:/)
  })

  test('is dead after an emergency revocation, also after a restart, until an operator unlocks its agent', async () => {
    await asOperator(around.gateway, 'emergency-revoke')
    assert.equal((await byListener('/to/u/n/1')).code, 'token_not_live')
    assert.equal((await byListener('/claviger/v1/auth/self')).code, 'token_not_live')
    await around.gateway.restart()
    assert.equal((await byListener('/to/u/n/1')).code, 'token_not_live')
    await asOperator(around.gateway, 'agent lock agent-of-u')
    await asOperator(around.gateway, 'agent unlock agent-of-u')
    assert.equal((await byListener('/to/u/n/1')).status, 200)
  })
})
