// The classes that ClawAuth's users know (contract §3.1), against a gateway, as their documentation uses them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ClawAuth, ClawAuthAgent, ClawAuthService, createVerifier } from '../sdk/src/claviger.ts'
import { type RelyingService, relyingService } from './instruments/clawauth-client.ts'
import { Gateway } from './instruments/gateway.ts'

let gateway: Gateway
let shop: RelyingService
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_PUBLIC_REGISTRATION: 'on' } })
  shop = await relyingService(gateway, 'shop')
  await gateway.does('PUT', '/relying/shop/roles/buyer', { permissions: ['orders.read'] })
  await gateway.does('PUT', '/relying/shop/default')
})
after(() => gateway[Symbol.asyncDispose]())

let count = 0
/** Registered by the class and approved by the operator. */
async function registered() {
  count += 1
  const { publicKey, privateKey } = await ClawAuthAgent.generateKeypair()
  const baseUrl = gateway.url
  const asked = { email: 'dev@example.com', name: `Agent ${count}`, publicKey, baseUrl }
  const { agentId, publicKeyHash, status } = await ClawAuthAgent.register(asked)
  assert.match(publicKeyHash, /^sha256:[0-9a-f]{64}$/)
  assert.equal(status, 'pending')
  await gateway.does('POST', `/agents/${agentId}/approve`)
  return { agentId, privateKey, baseUrl }
}

describe('the ClawAuth classes', () => {
  const service = () => new ClawAuth({ serviceId: shop.id, apiKey: shop.key, baseUrl: gateway.url })

  test('take an agent from its key pair to a token that its service verifies', async () => {
    const options = await registered()
    const agent = new ClawAuthAgent(options)
    const { accessToken, refreshToken, expiresIn } = await agent.authenticate()
    assert.equal(expiresIn, 3600)
    const auth = service()
    await auth.assignRole(options.agentId, 'buyer')
    const { valid, agent: seen } = await auth.verify(accessToken)
    assert.equal(valid, true)
    assert.deepEqual(
      [seen?.id, seen?.name, seen?.email, seen?.trustScore, seen?.roles, seen?.permissions],
      [options.agentId, `Agent ${count}`, '', 5, ['buyer'], ['orders.read']],
    )
    const renewed = await agent.refreshToken(refreshToken)
    assert.equal((await auth.verify(renewed.accessToken)).valid, true)
    await assert.rejects(agent.refreshToken(refreshToken), { code: 'INVALID_TOKEN', status: 401 })
    assert.deepEqual(await auth.verify(renewed.accessToken), { valid: false, error: 'revoked' })
  })

  test('renew and end tokens by themselves', async () => {
    const options = await registered()
    let now = Date.now()
    const agent = new ClawAuthAgent({ ...options, now: () => now })
    const first = await agent.accessToken()
    assert.equal(await agent.accessToken(), first)
    now += 59.5 * 60_000
    const second = await agent.accessToken()
    assert.notEqual(second, first)
    await agent.revoke()
    assert.deepEqual(await service().verify(second), { valid: false, error: 'revoked' })
    assert.notEqual(await agent.accessToken(), second)
  })

  test('give a service the calls that its documentation shows, and errors with their codes', async () => {
    const { agentId } = await registered()
    const auth = new ClawAuthService({ serviceId: shop.id, apiKey: shop.key, baseUrl: gateway.url })
    const { id, name, trustScore, status, lastSeenAt } = await auth.getAgent(agentId)
    assert.deepEqual([id, name, trustScore, status, lastSeenAt], [agentId, `Agent ${count}`, 5, 'active', null])
    const end = new Date(Date.now() + 86_400_000)
    const { serviceId, expiresAt } = await auth.assignRole(agentId, 'buyer', end)
    assert.deepEqual([serviceId, expiresAt], [shop.id, end.toISOString()])
    assert.deepEqual(await auth.revokeRole(agentId, 'buyer'), { ok: true })
    await assert.rejects(auth.revokeRole(agentId, 'buyer'), { code: 'NOT_FOUND', status: 404 })
    const { counted, trustScore: after } = await auth.reportTrust(agentId, { score: 9, reason: 'as agreed' })
    assert.deepEqual([counted, after], [true, 5.1])
    assert.equal((await auth.getTrust(agentId)).band, 'Neutral')
    await assert.rejects(auth.reportTrust(agentId, { score: 11, reason: 'x' }), {
      code: 'VALIDATION_ERROR',
      status: 422,
    })
    await assert.rejects(auth.getAgent('agent_nothing'), { code: 'NOT_FOUND', status: 404 })
    assert.deepEqual(await auth.verify('x'), { valid: false, error: 'malformed' })
    assert.deepEqual(await auth.revokeToken('nothing'), { revoked: false })
    const stranger = new ClawAuth({ serviceId: shop.id, apiKey: 'svc_wrong', baseUrl: gateway.url })
    await assert.rejects(stranger.verify('x'), { code: 'UNAUTHORIZED', status: 401 })
  })

  test('need no gateway to verify: by its key set, for one audience', async () => {
    const { accessToken } = await new ClawAuthAgent(await registered()).authenticate()
    const verifier = (audience: string) => createVerifier({ issuer: gateway.url, audience, profile: 'clawauth' })
    assert.equal((await verifier(shop.id).verify(accessToken)).valid, true)
    assert.deepEqual(await verifier('rel_other').verify(accessToken), { valid: false, error: 'wrong_audience' })
  })
})
