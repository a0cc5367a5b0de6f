import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { WireServer } from '../testing/wire-server.ts'
import { ClawAuth, ClawAuthService } from './claw-auth.ts'
import { ClawAuthAgent, type ClawAuthAgentOptions } from './claw-auth-agent.ts'

let server: WireServer
let pair: { publicKey: string; privateKey: string }
before(async () => {
  server = await WireServer.start()
  pair = await ClawAuthAgent.generateKeypair()
})
beforeEach(() => {
  server.requests.length = 0
  Object.assign(server, { offersBound: true, namedIssuer: undefined, lifeSeconds: 3600 })
  server.agents.clear()
  server.addAgent('agent_a', pair.publicKey)
})
after(() => server.close())

const agent = (more: Partial<ClawAuthAgentOptions> = {}) =>
  new ClawAuthAgent({ agentId: 'agent_a', privateKey: pair.privateKey, baseUrl: server.url, ...more })
const sent = (path: string) => JSON.parse(server.requests.findLast((one) => one.path === path)?.body ?? '{}')

describe('ClawAuthAgent', () => {
  test('registers as documented, and with proof where it has the private key', async () => {
    const asked = { email: 'a@example.com', name: 'b', publicKey: pair.publicKey, baseUrl: server.url }
    const bare = await ClawAuthAgent.register(asked)
    assert.deepEqual([bare.agentId, bare.status], ['agent_b', 'pending'])
    assert.match(bare.publicKeyHash, /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(Object.keys(sent('/auth/register')), ['email', 'name', 'publicKey'])
    const proved = await ClawAuthAgent.register({ ...asked, privateKey: pair.privateKey })
    assert.equal(proved.status, 'active')
  })

  test('authenticates by the bound form, with a DER signature in hex', async () => {
    const tokens = await agent({ audience: 'svc_x' }).authenticate()
    assert.deepEqual(Object.keys(tokens), ['accessToken', 'refreshToken', 'expiresIn'])
    assert.equal(tokens.expiresIn, 3600)
    assert.match(sent('/auth/authenticate').signature, /^30[0-9a-f]{130,142}$/)
    assert.equal(sent('/auth/authenticate').version, 2)
    assert.equal(sent('/auth/challenge').audience, 'svc_x')
  })

  test('authenticates by the bare nonce where nothing else is offered', async () => {
    server.offersBound = false
    await agent().authenticate()
    assert.equal('version' in sent('/auth/authenticate'), false)
  })

  test('signs no bare nonce after it was offered the bound form, or where it was told not to', async () => {
    const one = agent()
    await one.authenticate()
    server.offersBound = false
    await assert.rejects(one.authenticate(), { code: 'bound_form_missing' })
    await assert.rejects(agent({ requireBound: true }).authenticate(), { code: 'bound_form_missing' })
    assert.equal(server.count('/auth/authenticate'), 1)
  })

  test('signs no bound text that names another issuer', async () => {
    server.namedIssuer = 'https://api.clawauth.com'
    await assert.rejects(agent().authenticate(), { code: 'issuer_mismatch' })
    assert.equal(server.count('/auth/authenticate'), 0)
    await agent({ issuer: 'https://api.clawauth.com' }).authenticate()
  })

  const nonce = '0'.repeat(64)
  const lines = (url: string) => ['clawauth-v2', url, 'agent_a', 'chal_1', '-', nonce]
  const bad: Readonly<Record<string, (given: string[]) => unknown>> = {
    'another form': (given) => given.with(0, 'clawauth-v3').join('\n'),
    'another agent': (given) => given.with(2, 'agent_b').join('\n'),
    'another challenge': (given) => given.with(3, 'chal_2').join('\n'),
    'another nonce': (given) => given.with(5, '1'.repeat(64)).join('\n'),
    'a line more': (given) => [...given, ''].join('\n'),
    'a line less': (given) => given.slice(0, 5).join('\n'),
    'a list': (given) => given,
  }
  for (const [what, make] of Object.entries(bad)) {
    test(`signs no bound text with ${what}`, async () => {
      const challenge = { challengeId: 'chal_1', nonce, signingInput: make(lines(server.url)), version: 2 }
      let asked = 0
      const fetch = async () => {
        asked += 1
        return Response.json(challenge)
      }
      await assert.rejects(agent({ fetch }).authenticate(), { name: 'ClavigerError' })
      assert.equal(asked, 1)
    })
  }

  test('signs nothing that is no nonce', async () => {
    for (const text of ['', 'clawauth-register:sha256:x', 'A'.repeat(64), `${nonce}0`]) {
      const fetch = async () => Response.json({ challengeId: 'chal_1', nonce: text })
      await assert.rejects(agent({ fetch }).authenticate(), { code: 'answer_invalid' })
    }
  })

  test('refreshes, given a token or with its own, and proves itself anew when that is refused', async () => {
    let now = Date.now()
    const one = agent({ now: () => now })
    const { refreshToken } = await one.authenticate()
    const second = await one.refreshToken(refreshToken)
    assert.notEqual(second.refreshToken, refreshToken)
    await assert.rejects(one.refreshToken(refreshToken), { code: 'refresh_invalid' })
    const third = await one.refreshToken()
    assert.equal(await one.accessToken(), third.accessToken)
    now += 3_600_000
    const tokens = await Promise.all([one.accessToken(), one.accessToken(), one.accessToken()])
    assert.equal(new Set([...tokens, third.accessToken]).size, 2)
    for (const session of server.sessions) session.revoked = true
    now += 3_600_000
    await one.accessToken()
    assert.equal(server.count('/auth/challenge'), 2)
  })
})

describe('ClawAuth', () => {
  const seen: { method: string | undefined; url: string | undefined; auth: string | undefined; body: string }[] = []
  let reply: readonly [status: number, body: unknown] = [200, {}]
  const door = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    seen.push({ method: request.method, url: request.url, auth: request.headers.authorization, body })
    response.writeHead(reply[0], { 'content-type': 'application/json', 'retry-after': '7' })
    response.end(JSON.stringify(reply[1]))
  })
  let auth: ClawAuth
  before(async () => {
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
    const baseUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}/`
    auth = new ClawAuth({ serviceId: 'svc_x', apiKey: 'svc_key', baseUrl })
  })
  after(() => door.close())

  const calls: Readonly<Record<string, readonly [call: () => Promise<unknown>, request: string, body: unknown]>> = {
    verify: [() => auth.verify('tok'), 'POST /auth/verify', { token: 'tok' }],
    getAgent: [() => auth.getAgent('agent_a/..'), 'GET /agents/agent_a%2F..', undefined],
    assignRole: [() => auth.assignRole('agent_a', 'r'), 'POST /agents/agent_a/roles', { roleId: 'r' }],
    'assignRole until': [
      () => auth.assignRole('agent_a', 'r', new Date(0)),
      'POST /agents/agent_a/roles',
      { roleId: 'r', expiresAt: '1970-01-01T00:00:00.000Z' },
    ],
    revokeRole: [() => auth.revokeRole('agent_a', 'a b'), 'DELETE /agents/agent_a/roles/a%20b', undefined],
    reportTrust: [
      () => auth.reportTrust('agent_a', { score: 9, reason: 'good' }),
      'POST /agents/agent_a/trust',
      { score: 9, reason: 'good' },
    ],
    getTrust: [() => auth.getTrust('agent_a'), 'GET /agents/agent_a/trust', undefined],
    revokeToken: [() => auth.revokeToken('j'), 'POST /auth/revoke', { jti: 'j' }],
  }
  for (const [name, [call, request, body]] of Object.entries(calls)) {
    test(`${name} asks ${request}`, async () => {
      reply = [200, { valid: false, error: 'expired' }]
      assert.deepEqual(await call(), reply[1])
      const last = seen.at(-1)
      assert.equal(`${last?.method} ${last?.url}`, request)
      assert.equal(last?.auth, 'Bearer svc_key')
      assert.deepEqual(last?.body === '' ? undefined : JSON.parse(last?.body ?? ''), body)
    })
  }

  test('is one class under both names', () => assert.equal(ClawAuthService, ClawAuth))

  test('throws the door’s errors with code, request id and pause', async () => {
    reply = [429, { error: { code: 'RATE_LIMITED', message: 'slow down', requestId: 'req_9' } }]
    const facts = { code: 'RATE_LIMITED', status: 429, requestId: 'req_9', retryAfterSeconds: 7, message: 'slow down' }
    await assert.rejects(auth.verify('x'), facts)
  })

  test('believes no answer that does not say whether a token is valid', async () => {
    for (const body of [{}, { valid: 'true' }, { valid: true }, { valid: 1, agent: {} }]) {
      reply = [200, body]
      await assert.rejects(auth.verify('x'), { code: 'answer_invalid' })
    }
  })

  test('needs its id and its key, and sends the key to this machine unless told otherwise', () => {
    assert.throws(() => new ClawAuth({ serviceId: '', apiKey: 'x' }), { code: 'options_invalid' })
    assert.throws(() => new ClawAuth({ serviceId: 'x', apiKey: 'x', baseUrl: 'http://evil.test' }), {
      code: 'base_url_invalid',
    })
  })
})
