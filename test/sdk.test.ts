// The SDK against a real gateway, and against services that verify its tokens.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { AgentClient, type AgentClientOptions } from '../sdk/src/agent/agent-client.ts'
import { ClawAuth } from '../sdk/src/clawauth/claw-auth.ts'
import { ClawAuthAgent } from '../sdk/src/clawauth/claw-auth-agent.ts'
import { agentOf, requireAgent } from '../sdk/src/guard/express.ts'
import { generateKeyPair, generatePemKeyPair } from '../sdk/src/keys.ts'
import { pinnedFetch, pinOf } from '../sdk/src/node/pinning.ts'
import { type Signer, webCryptoSigner } from '../sdk/src/signer.ts'
import { createVerifier } from '../sdk/src/verify/verifier.ts'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { type RelyingService, relyingService } from './instruments/clawauth-client.ts'
import { type World, world } from './instruments/world.ts'

let around: World
let service: RelyingService
before(async () => {
  around = await world()
  const { gateway } = around
  service = await relyingService(gateway, 'shop')
  await gateway.does('PUT', '/relying/shop/roles/buyer', { permissions: ['orders.read'] })
})
after(() => around[Symbol.asyncDispose]())

const newSigner = async () => webCryptoSigner(await generateKeyPair())

let count = 0
/** Registered by invite, with a grant on everything of `u`. */
async function newAgent(options: Partial<AgentClientOptions> = {}): Promise<{ agent: AgentClient; signer: Signer }> {
  const { gateway } = around
  const baseUrl = gateway.url
  const signer = options.signer ?? (await newSigner())
  const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
  count += 1
  const attestation = { kind: 'none', made: 'in a test' }
  const registered = await AgentClient.register({ baseUrl, name: `sdk-${count}`, signer, invite, attestation })
  assert.equal(registered.status, 'active')
  const { items } = await gateway.does<{ items: object[] }>('GET', `/agents/${registered.agentId}/keys`)
  assert.deepEqual((items[0] as { attestation: unknown }).attestation, attestation)
  await gateway.does('POST', '/grants', { agent: registered.agentId, service: 'u', scopes: ['u:*'] })
  return { agent: new AgentClient({ baseUrl, agentId: registered.agentId, ...options, signer }), signer }
}

describe('AgentClient at a real gateway', () => {
  for (const dpop of [false, true]) {
    test(`registers, signs in, calls, refreshes and ends${dpop ? ' with tokens bound to a key' : ''}`, async () => {
      let now = Date.now()
      const { agent } = await newAgent({ dpop })
      const self = await agent.self()
      assert.deepEqual([self.agentId, self.status], [agent.agentId, 'active'])
      const before = around.upstream.receipts.length
      const answers = await Promise.all(
        [1, 2, 3].map((n) => agent.fetch('u', `/n/${n}?a=b`, { method: 'POST', body: 'x' })),
      )
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200],
      )
      assert.equal(around.upstream.receipts.length, before + 3)
      assert.ok(JSON.stringify(around.upstream.receipts.at(-1)).includes(around.secret))
      const aging = await newAgent({ dpop, now: () => now })
      const first = await aging.agent.accessToken()
      now += 290_000
      assert.notEqual(await aging.agent.accessToken(), first)
      await agent.logout()
      assert.equal((await agent.fetch('u', '/n/1')).status, 200, 'it signs in again')
    })
  }

  test('gets on after its tokens were revoked, and stops when it was locked', async () => {
    const { agent } = await newAgent()
    assert.equal((await agent.fetch('u', '/n/1')).status, 200)
    const { gateway } = around
    await fetch(`${gateway.url}/claviger/v1/auth/revoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: await agent.accessToken() }),
    })
    assert.equal((await agent.fetch('u', '/n/1')).status, 200)
    await gateway.does('POST', `/agents/${agent.agentId}/lock`)
    assert.equal((await agent.fetch('u', '/n/1')).status, 403)
    await assert.rejects(agent.authenticate(), { code: 'agent_not_active', status: 403 })
    await gateway.does('POST', `/agents/${agent.agentId}/unlock`)
    assert.equal((await agent.fetch('u', '/n/1')).status, 200)
  })

  test('rotates its key', async () => {
    const { agent, signer } = await newAgent()
    const next = await newSigner()
    await agent.rotateKey(next)
    assert.equal((await agent.fetch('u', '/n/1')).status, 200)
    const { gateway } = around
    const old = new AgentClient({ baseUrl: gateway.url, agentId: agent.agentId, signer })
    await assert.rejects(old.authenticate(), { code: 'proof_refused', status: 401 })
    const third = await newSigner()
    await agent.rotateKey(third, { overlapSeconds: 60 })
    const statuses = (await agent.keys()).map(({ status }) => status).sort()
    assert.deepEqual(statuses, ['active', 'retiring', 'revoked'])
    await new AgentClient({ baseUrl: gateway.url, agentId: agent.agentId, signer: next }).authenticate()
  })

  test('is refused in the same words for an unknown agent and for a wrong key', async () => {
    const { agent } = await newAgent()
    const signer = await newSigner()
    const baseUrl = around.gateway.url
    for (const agentId of [agent.agentId, `agent_${'0'.repeat(22)}`]) {
      const client = new AgentClient({ baseUrl, agentId, signer })
      await assert.rejects(client.authenticate(), { code: 'proof_refused', status: 401 })
    }
  })

  test('registers by an invite once, and not without', async () => {
    const { gateway } = around
    const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
    const register = async (name: string, more: object) =>
      AgentClient.register({ baseUrl: gateway.url, name, signer: await newSigner(), ...more })
    await register('once', { invite })
    await assert.rejects(register('twice', { invite }), { code: 'invite_invalid', status: 410 })
    await assert.rejects(register('without', {}), { code: 'registration_closed', status: 403 })
  })
})

describe('AgentClient at a gateway with TLS', { skip: noOpenssl() }, () => {
  test('pins the gateway’s key, and sends nothing to another', async () => {
    await using stack = new AsyncDisposableStack()
    const authority = stack.use(new Authority())
    const { cert, key } = authority.issue()
    const env = { CLAVIGER_TLS_CERT: cert, CLAVIGER_TLS_KEY: key, CLAVIGER_PUBLIC_URL: 'https://gate.test' }
    const { gateway, upstream } = stack.use(await world({ env }))
    const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
    const reserve = authority.issue()
    const pins = [cert, reserve.cert].map((file) => pinOf(readFileSync(file)))
    const signer = await newSigner()
    // Reached by its address, it has another name: who says so gets proofs, and nobody else.
    const there = { baseUrl: gateway.url, signer, fetch: pinnedFetch({ pins, ca: authority.pem }) }
    await assert.rejects(AgentClient.register({ ...there, name: 'pinned', invite }), { code: 'issuer_mismatch' })
    const issuer = 'https://gate.test'
    const { agentId } = await AgentClient.register({ ...there, issuer, name: 'pinned', invite })
    await gateway.does('POST', '/grants', { agent: agentId, service: 'u', scopes: ['u:*'] })
    const agent = new AgentClient({ ...there, issuer, agentId, dpop: true })
    const before = upstream.receipts.length
    assert.equal((await agent.fetch('u', '/n/1', { method: 'POST', body: 'x' })).status, 200)
    assert.equal(upstream.receipts.length, before + 1)
    const others = pinnedFetch({
      pins: [pinOf(readFileSync(reserve.cert)), `sha256:${'0'.repeat(64)}`],
      ca: authority.pem,
    })
    const mistaken = new AgentClient({ ...there, issuer, agentId, fetch: others })
    await assert.rejects(mistaken.authenticate(), { code: 'pin_mismatch' })
  })
})

describe('a service that verifies', () => {
  test('knows the gateway’s agents offline, and asks about revocation', async () => {
    const { gateway } = around
    const issuer = gateway.url
    const { agent } = await newAgent({ audience: service.id, dpop: true })
    const introspection = { apiKey: service.key }
    const server = createServer((request, response) =>
      guard(request, response, (error) => {
        response.statusCode = error === undefined ? 200 : 500
        response.end(JSON.stringify(error === undefined ? agentOf(request) : { error: String(error) }))
      }),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const guard = requireAgent({ verifier: createVerifier({ issuer, audience: service.id, introspection }), origin })
    try {
      const headers = await agent.headersFor('GET', `${origin}/orders`)
      const answer = await fetch(`${origin}/orders?x=1`, { headers })
      const claims = (await answer.json()) as Record<string, unknown>
      assert.deepEqual([answer.status, claims.sub, claims.aud], [200, agent.agentId, service.id])
      assert.equal((await fetch(`${origin}/orders`, { headers })).status, 401, 'the proof was used')
      const token = await agent.accessToken()
      assert.equal((await createVerifier({ issuer, audience: 'other' }).verify(token)).valid, false)
      const again = await agent.headersFor('GET', `${origin}/orders`)
      await agent.logout()
      assert.equal((await fetch(`${origin}/orders`, { headers: again })).status, 401, 'the token was revoked')
    } finally {
      server.close()
    }
  })
})

describe('the ClawAuth classes at the door', () => {
  test('do what the contract says of them', async () => {
    const { gateway } = around
    const baseUrl = gateway.url
    const { publicKey, privateKey } = await ClawAuthAgent.generateKeypair()
    const asked = { email: 'bot@example.com', name: 'bot', publicKey, privateKey, baseUrl }
    await assert.rejects(ClawAuthAgent.register(asked), { code: 'FORBIDDEN', status: 403 })
    const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
    const { agentId, status } = await ClawAuthAgent.register({ ...asked, invite })
    assert.equal(status, 'active')
    const agent = new ClawAuthAgent({ agentId, privateKey, baseUrl, audience: service.id })
    const auth = new ClawAuth({ serviceId: service.id, apiKey: service.key, baseUrl })
    const { accessToken, refreshToken, expiresIn } = await agent.authenticate()
    assert.equal(expiresIn, 3600)
    await auth.assignRole(agentId, 'buyer', new Date(Date.now() + 3_600_000))
    const verified = await auth.verify(accessToken)
    assert.deepEqual([verified.valid, verified.agent?.id], [true, agentId])
    const next = await agent.refreshToken(refreshToken)
    assert.deepEqual((await auth.verify(next.accessToken)).agent?.permissions, ['orders.read'])
    const offline = createVerifier({ issuer: baseUrl, audience: service.id, profile: 'clawauth' })
    assert.equal((await offline.verify(next.accessToken)).valid, true)
    const reported = await auth.reportTrust(agentId, { score: 9, reason: 'pays on time' })
    assert.equal(typeof reported.trustScore, 'number')
    assert.equal((await auth.getTrust(agentId)).samples, 1)
    assert.equal((await auth.getAgent(agentId)).status, 'active')
    assert.deepEqual(await auth.revokeRole(agentId, 'buyer'), { ok: true })
    await assert.rejects(auth.revokeRole(agentId, 'none'), { status: 404, code: 'NOT_FOUND' })
    assert.deepEqual(await auth.verify('x'), { valid: false, error: 'malformed' })
    await agent.revoke()
    assert.deepEqual(await auth.verify(next.accessToken), { valid: false, error: 'revoked' })
    await assert.rejects(
      new ClawAuthAgent({ agentId, privateKey: (await generatePemKeyPair()).privateKey, baseUrl }).authenticate(),
      {
        code: 'INVALID_SIGNATURE',
      },
    )
  })
})
