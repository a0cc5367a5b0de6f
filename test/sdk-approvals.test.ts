// The SDK at a real gateway: an agent asks, a human answers, and a tool that knows neither checks the receipt and uses it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AgentClient } from '../sdk/src/agent/agent-client.ts'
import { TokenClient } from '../sdk/src/agent/token-client.ts'
import { actionDigest, payloadHash } from '../sdk/src/approval/digest.ts'
import { useReceipt } from '../sdk/src/approval/use-receipt.ts'
import { createReceiptVerifier, verifyReceipt } from '../sdk/src/approval/verify-receipt.ts'
import { ApprovalError, BusyError } from '../sdk/src/errors/families.ts'
import { generateKeyPair } from '../sdk/src/keys.ts'
import { webCryptoSigner } from '../sdk/src/signer.ts'
import { asOperator } from './instruments/command-line.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const CONTEXT = { tool: 'exec', params: { command: 'ls -l', ratio: 0.1, none: null }, cwd: '/srv/ü' }
let around: World
let agents = 0
before(async () => {
  around = await world({
    service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } },
    env: { CLAVIGER_STATED_ASSURANCE: 'tap' },
  })
})
after(() => around[Symbol.asyncDispose]())

/** One of its own for each test, so that none stands in the way of another's three that may wait. */
async function newAgent(dpop = false): Promise<AgentClient> {
  const { gateway } = around
  agents += 1
  const signer = await webCryptoSigner(await generateKeyPair())
  const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
  const at = { baseUrl: gateway.url, signer }
  const { agentId } = await AgentClient.register({ ...at, name: `asker-${agents}`, invite })
  await gateway.does('POST', '/grants', { agent: agentId, service: 'u', scopes: ['u:*'] })
  return new AgentClient({ ...at, agentId, dpop })
}
const answer = (id: string, word = 'approve') => asOperator(around.gateway, `${word} ${id} --comment because`)
const keysUrl = () => `${around.gateway.url}/.well-known/claviger-receipt-keys.json`

describe('an approval by the SDK', () => {
  for (const dpop of [false, true]) {
    test(`is asked for, waited for, proved and used once${dpop ? ', with tokens bound to a key' : ''}`, async () => {
      const agent = await newAgent(dpop)
      const asked = await agent.requestApproval({ action: 'shell.exec', context: CONTEXT, description: 'look' })
      assert.deepEqual([asked.status, asked.assurance], ['pending', 'tap'])
      const waiting = agent.waitForVerdict(asked.id)
      await answer(asked.id)
      const { status, receipt = '', decidedBy, reason } = await waiting
      assert.deepEqual([status, decidedBy, reason], ['approved', 'operator', 'because'])

      // The tool: it knows what it is about to do, and the gateway's keys.
      const payload = { action: 'shell.exec', agentId: agent.agentId, context: CONTEXT }
      assert.equal(await payloadHash(payload), asked.payloadHash)
      assert.equal(await actionDigest(asked.action), asked.digest)
      const keys = (await (await fetch(keysUrl())).json()) as { keys: object[] }
      const about = { payload, action: asked.action, agent: agent.agentId, issuer: around.gateway.url }
      const offline = await verifyReceipt(receipt, { keys, ...about })
      assert.equal(offline.valid && offline.claims.approval, asked.id)
      const other = { ...payload, context: { ...CONTEXT, cwd: '/' } }
      assert.deepEqual(await verifyReceipt(receipt, { keys, payload: other }), { valid: false, error: 'wrong_action' })
      const { url: baseUrl } = around.gateway
      assert.equal((await useReceipt(receipt, { baseUrl, payload: other })).valid, false)
      const used = await Promise.all(Array.from({ length: 8 }, () => useReceipt(receipt, { baseUrl, ...about })))
      assert.equal(used.filter(({ valid }) => valid).length, 1)
      assert.deepEqual(await useReceipt(receipt, { baseUrl, payload }), { valid: false, error: 'consumed' })
      assert.equal((await agent.approval(asked.id)).status, 'consumed')
    })
  }

  test('is one under one idempotency key, and taken back by the agent', async () => {
    const agent = await newAgent()
    const request = { action: 'a', payload: [1e30, null], idempotencyKey: 'k' }
    const asked = await agent.requestApproval(request)
    assert.equal(asked.payloadHash, await payloadHash([1e30, null]))
    assert.equal((await agent.requestApproval(request)).id, asked.id)
    await assert.rejects(agent.requestApproval({ ...request, action: 'b' }), { code: 'idempotency_conflict' })
    assert.notEqual((await agent.requestApproval({ action: 'a' })).id, asked.id)
    const waiting = agent.waitForVerdict(asked.id)
    await agent.cancelApproval(asked.id)
    const { status, receipt } = await waiting
    assert.deepEqual([status, receipt], ['cancelled', undefined])
  })

  test('is denied with a receipt that says so, and then the agent must wait', async () => {
    const agent = await newAgent()
    const { id, digest } = await agent.requestApproval({ action: 'a' })
    await answer(id, 'deny')
    const { status, receipt = '' } = await agent.waitForVerdict(id)
    assert.equal(status, 'denied')
    assert.deepEqual(await verifyReceipt(receipt, { jwksUrl: keysUrl(), digest }), { valid: false, error: 'denied' })
    const read = await createReceiptVerifier({ jwksUrl: keysUrl() }).read(receipt)
    assert.equal(read.valid && read.claims.verdict, 'denied')
    await assert.rejects(agent.requestApproval({ action: 'b' }), (error: unknown) => {
      return (
        error instanceof BusyError && error.code === 'approvals_cooling_down' && Number(error.retryAfterSeconds) > 0
      )
    })
  })

  test('of a call is waited for by the id in its refusal, and then the identical call passes', async () => {
    const agent = await newAgent()
    const pay = () =>
      agent.callJson<{ amount: number }>('u', {
        ...{ method: 'POST', path: '/pay/7', body: { amount: 1 }, headers: { prefer: 'wait=0' } },
      })
    const refused = await pay().catch((error: unknown) => error)
    assert.ok(refused instanceof ApprovalError)
    const { code, approvalId = '' } = refused
    assert.equal(code, 'approval_required')
    await answer(approvalId)
    const { status, receipt = '' } = await agent.waitForVerdict(approvalId)
    assert.equal(status, 'approved')
    await pay()
    assert.equal(around.upstream.received('/pay/7').length, 1)
    const read = await createReceiptVerifier({ jwksUrl: keysUrl() }).read(receipt)
    assert.equal(read.valid && read.claims.kind, 'call')
  })

  test('is waited for as long as is said, and no longer than the caller wants', async () => {
    const agent = await newAgent()
    const { id } = await agent.requestApproval({ action: 'a' })
    await assert.rejects(agent.waitForVerdict(id, { timeoutMs: 0 }), { code: 'verdict_timeout' })
    await assert.rejects(agent.waitForVerdict(id, { timeoutMs: 1 }), { code: 'verdict_timeout' })
    const leaving = new AbortController()
    const waiting = agent.waitForVerdict(id, { signal: leaving.signal })
    const reason = new Error('the user left')
    leaving.abort(reason)
    await assert.rejects(waiting, reason)
    await assert.rejects(agent.waitForVerdict(id, { signal: AbortSignal.abort(reason) }), reason)
    assert.equal((await agent.approval(id)).status, 'pending')
    await assert.rejects(agent.waitForVerdict('apr_none'), { code: 'approval_unknown' })
  })
})

test('waitForVerdict() outlives a restart of the gateway', async () => {
  await using own = await world({ env: { CLAVIGER_STATED_ASSURANCE: 'tap' } })
  const { gateway, token } = own
  // Whatever port it answers at after the restart.
  const first = gateway.url
  let failed = 0
  const agent = new TokenClient({
    baseUrl: first,
    token,
    fetch: async (url, init) => {
      try {
        return await fetch(url.replace(first, gateway.url), init)
      } catch (error) {
        failed += 1
        throw error
      }
    },
  })
  const { id } = await agent.requestApproval({ action: 'a' })
  const waiting = agent.waitForVerdict(id)
  await gateway.kill9()
  await until(() => failed > 0)
  await gateway.restart()
  await asOperator(gateway, `approve ${id}`)
  const { status, receipt } = await waiting
  assert.deepEqual([status, receipt !== undefined], ['approved', true])
})
