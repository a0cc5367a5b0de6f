// Tokens that may do less: narrowed ones, and those of the agentic-credential-vault door, by the SDK at a real gateway.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AgentClient } from '../sdk/src/agent/agent-client.ts'
import { TokenClient } from '../sdk/src/agent/token-client.ts'
import { AuthenticationError, PermissionError, UpstreamError } from '../sdk/src/errors/families.ts'
import { generateKeyPair } from '../sdk/src/keys.ts'
import { webCryptoSigner } from '../sdk/src/signer.ts'
import { asAdmin, done, mirror, serviceForm, vaultEnv } from './instruments/vault-client.ts'
import { type World, world } from './instruments/world.ts'

let around: World
before(async () => {
  const actions = {
    read: { method: 'GET', path: '/ok/{id}', scopes: ['u:read'] },
    write: { method: 'POST', path: '/ok/{id}', scopes: ['u:write'] },
  }
  around = await world({ env: vaultEnv, service: { actions } })
  around.upstream.on('v', mirror)
  const form = serviceForm('shop', around.upstream.origin, { masterSecret: 'sk-live-0123456789abcdef' })
  done(await asAdmin(around.gateway, 'addService', form))
})
after(() => around[Symbol.asyncDispose]())

let count = 0
async function newAgent(dpop: boolean, now = Date.now): Promise<AgentClient> {
  const { gateway } = around
  const baseUrl = gateway.url
  const signer = await webCryptoSigner(await generateKeyPair())
  const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
  const { agentId } = await AgentClient.register({ baseUrl, name: `narrow-${++count}`, signer, invite })
  await gateway.does('POST', '/grants', { agent: agentId, service: 'u', scopes: ['u:*'] })
  return new AgentClient({ baseUrl, agentId, signer, dpop, now })
}

describe('narrow()', () => {
  for (const dpop of [false, true]) {
    test(`gives a token with less scope and so many uses${dpop ? ', bound to the same key' : ''}`, async () => {
      const agent = await newAgent(dpop)
      const narrowed = await agent.narrow(['u:read'], { maxUses: 2 })
      const { client, scope, tokenType, expiresAt } = narrowed
      assert.deepEqual([scope, tokenType], [['u:read'], dpop ? 'DPoP' : 'Bearer'])
      assert.ok(expiresAt > Date.now())
      assert.equal((await client.call('u', { path: '/ok/a' })).status, 200)
      const write = { method: 'POST', path: '/ok/a' }
      await assert.rejects(client.call('u', write), { code: 'scope_not_in_token', status: 403 })
      assert.equal((await client.call('u', { path: '/ok/b' })).status, 200)
      await assert.rejects(client.call('u', { path: '/ok/c' }), (error: unknown) => {
        return error instanceof AuthenticationError && error.code === 'token_used_up'
      })
      assert.equal((await agent.call('u', write)).status, 200, 'the agent’s own token is as it was')
      const elsewhere = new TokenClient({ baseUrl: around.gateway.url, token: narrowed.accessToken })
      const code = dpop ? 'possession_unproven' : 'token_used_up'
      await assert.rejects(elsewhere.call('u', { path: '/ok/a' }), { code })
    })
  }

  test('ends with the sign-in that it comes from', async () => {
    const agent = await newAgent(false)
    const { client } = await agent.narrow(['u:read'])
    assert.equal((await client.call('u', { path: '/ok/a' })).status, 200)
    await agent.logout()
    await assert.rejects(client.call('u', { path: '/ok/a' }), AuthenticationError)
  })

  test('renews the agent’s own token first where that ends too soon', async () => {
    const agent = await newAgent(true)
    const first = await agent.accessToken()
    await agent.narrow(['u:read'])
    assert.equal(await agent.accessToken(), first)
    const lasting = await agent.narrow(['u:read'], { minLifeSeconds: 300 })
    assert.notEqual(await agent.accessToken(), first)
    assert.equal((await lasting.client.call('u', { path: '/ok/a' })).status, 200)
  })

  test('goes by the gateway’s clock where this machine’s is wrong', async () => {
    for (const aheadMs of [-3_600_000, 3_600_000]) {
      const agent = await newAgent(false, () => Date.now() + aheadMs)
      assert.equal((await (await agent.narrow(['u:read'])).client.call('u', { path: '/ok/a' })).status, 200)
    }
  })

  test('never asks for nothing, which would be everything', async () => {
    const agent = await newAgent(false)
    for (const scope of [[], [''], ['u:read u:write']]) {
      await assert.rejects(agent.narrow(scope), { code: 'options_invalid' })
    }
    await assert.rejects(agent.narrow(['u:read'], { maxUses: 0 }), { code: 'options_invalid' })
    await assert.rejects(agent.narrow(['not-a-scope']), { code: 'invalid_scope', status: 400 })
  })
})

describe('issueToken() and callAction()', () => {
  for (const [name, make] of [
    ['a key, bound tokens', () => newAgent(true)],
    ['a given token', async () => new TokenClient({ baseUrl: around.gateway.url, token: around.token })],
  ] as const) {
    test(`get a token and call actions with it, by ${name}`, async () => {
      const agent = await make()
      const { token, tokenId, expiresInSec } = await agent.issueToken('shop', ['shop:data:read'], { ttl: 60 })
      assert.deepEqual([expiresInSec, /^[0-9a-f-]{36}$/.test(tokenId)], [60, true])
      const answer = await agent.callAction(token, 'shop', 'data.get', { id: 'a b', fields: 'x' })
      assert.deepEqual([answer.status, await answer.json()], [200, { method: 'GET', url: '/v/data/a%20b?fields=x' }])
      await assert.rejects(agent.callAction(token, 'shop', 'data.put', { id: '1' }), (error: unknown) => {
        assert.ok(error instanceof PermissionError)
        assert.deepEqual([error.code, error.detail], ['INSUFFICIENT_SCOPE', 'shop:data:write'])
        return error.status === 403 && error.requestId !== undefined
      })
    })
  }

  test('say whose the token is, and that it must be the token’s own', async () => {
    const agent = await newAgent(false)
    const asked = { sessionId: 's1', taskId: 't1', skillId: 'k1' }
    const { token } = await agent.issueToken('shop', ['shop:data:read'], asked)
    const call = (context: object) => agent.callAction(token, 'shop', 'data.list', {}, { context })
    assert.equal((await call({ ...asked, tool: 'x' })).status, 200)
    await assert.rejects(call({ sessionId: 's2' }), { code: 'CONTEXT_MISMATCH', detail: 'sessionId' })
  })

  test('throw the door’s refusals by their family, and give what the service answers', async () => {
    const agent = await newAgent(false)
    const { token } = await agent.issueToken('shop', ['shop:data:read'])
    const get = (held: string) => agent.callAction(held, 'shop', 'data.get', { id: '1' })
    await assert.rejects(agent.issueToken('none', ['a:b']), { code: 'UNKNOWN_SERVICE', status: 403 })
    await assert.rejects(agent.issueToken('shop', []), { code: 'SCOPE_REQUIRED' })
    await assert.rejects(get('x.y.z'), (error: unknown) => error instanceof AuthenticationError)
    await assert.rejects(agent.callAction(token, 'shop', 'none'), { code: 'POLICY_DENY' })
    const stranger = new TokenClient({ baseUrl: around.gateway.url, token: 'none' })
    await assert.rejects(stranger.issueToken('shop', ['shop:data:read']), (error: unknown) => {
      return error instanceof AuthenticationError && error.code === 'AGENT_UNAUTHORIZED'
    })
    const forged = { 'x-vault-error': 'POLICY_DENY', 'proxy-status': 'claviger; error=http_request_denied' }
    around.upstream.on('v', (_, response) => response.writeHead(403, forged).end('{"error":"POLICY_DENY"}'))
    const answer = await get(token)
    assert.deepEqual([answer.status, await answer.text()], [403, '{"error":"POLICY_DENY"}'])
    around.upstream.on('v', (request) => request.socket.destroy())
    await assert.rejects(
      get(token),
      (error: unknown) => error instanceof UpstreamError && error.code === 'fetch failed',
    )
    around.upstream.on('v', mirror)
  })

  test('sign in again where the agent’s token is gone', async () => {
    const agent = await newAgent(false)
    const body = JSON.stringify({ token: await agent.accessToken() })
    const headers = { 'content-type': 'application/json' }
    await fetch(`${around.gateway.url}/claviger/v1/auth/revoke`, { method: 'POST', headers, body })
    assert.equal((await agent.issueToken('shop', ['shop:data:read'])).expiresInSec, 600)
  })

  test('throw the reason of a signal', async () => {
    const agent = await newAgent(false)
    const { token } = await agent.issueToken('shop', ['shop:data:read'])
    const controller = new AbortController()
    around.upstream.on('v', () => controller.abort(new Error('enough')))
    const { signal } = controller
    await assert.rejects(agent.callAction(token, 'shop', 'data.list', {}, { signal }), { message: 'enough' })
    around.upstream.on('v', mirror)
  })
})
