// A call that a human must approve, at the doors of other systems: each says so in its contract's words, and the identical
// request passes once after the yes.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { ClauthWorld, refusal } from './instruments/clauth-world.ts'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import type { Reply } from './instruments/send.ts'
import {
  asAdmin,
  call,
  done,
  mirror,
  refusedWith,
  serviceForm,
  VaultAgent,
  vaultEnv,
} from './instruments/vault-client.ts'

interface Item {
  readonly id: string
  readonly digest: string
}

async function answer(gateway: Gateway, verdict: 'approved' | 'denied'): Promise<string> {
  const { items } = await gateway.does<{ items: Item[] }>('GET', '/approvals?status=pending')
  assert.equal(items.length, 1, 'identical ones are one')
  const [{ id, digest }] = items as [Item]
  await gateway.does('POST', `/approvals/${id}/verdict`, { verdict, digest })
  return id
}

describe('Clauth', () => {
  const service = { actions: { read: { method: 'GET', path: '/ok', ask: 'tap' } } }
  const approvalIn = (reply: Reply) => (reply.json() as { error: { approvalId: string } }).error.approvalId

  test('says 403 APPROVAL_REQUIRED with the id, and lets the identical request pass once after a yes', async () => {
    await using world = await ClauthWorld.start({ service })
    const first = await world.proxy()
    const id = approvalIn(first)
    assert.deepEqual(refusal(first), [403, 'APPROVAL_REQUIRED', `Approval required: ${id}`])
    assert.equal(approvalIn(await world.proxy()), id)
    assert.equal(world.upstream.received('/ok').length, 0)
    assert.equal(await answer(world.gateway, 'approved'), id)
    const other = await world.proxy({ headers: { 'x-other': '1' } })
    assert.notEqual(approvalIn(other), id, 'what is not identical is asked about by itself')
    assert.equal((await world.proxy()).status, 200)
    assert.equal((await world.proxy()).status, 403, 'a yes is for once')
    assert.equal(world.upstream.received('/ok').length, 1)
  })

  test('refuses after a no without asking again', async () => {
    await using world = await ClauthWorld.start({ service })
    await world.proxy()
    await answer(world.gateway, 'denied')
    assert.deepEqual(refusal(await world.proxy()).slice(0, 2), [403, 'ACCESS_DENIED'])
    assert.deepEqual((await world.gateway.does<{ items: [] }>('GET', '/approvals?status=pending')).items, [])
    assert.equal(world.upstream.received('/ok').length, 0)
  })
})

describe('agentic-credential-vault', () => {
  let upstream: RecordingUpstream
  before(async () => {
    upstream = await RecordingUpstream.start()
  })
  afterEach(() => {
    upstream.forget()
  })
  after(() => upstream.close())

  async function shop(gateway: Gateway): Promise<VaultAgent> {
    upstream.on('v', mirror)
    const agent = await VaultAgent.add(gateway, 'tony')
    done(
      await asAdmin(gateway, 'addService', serviceForm('shop', upstream.origin, { masterSecret: 'sk-0123456789abc' })),
    )
    await askFor(gateway, 'data.put')
    return agent
  }

  /** An operator has one of the door's actions ask; the door's form has no word for it. */
  async function askFor(gateway: Gateway, action: string): Promise<void> {
    const shown = await gateway.does<Record<string, unknown>>('GET', '/services/shop')
    const { id: _, createdAt: __, updatedAt: ___, scopes: ____, ...definition } = shown
    const actions = definition.actions as Record<string, object>
    const asking = { ...definition, actions: { ...actions, [action]: { ...actions[action], ask: 'tap' } } }
    await gateway.does('PUT', '/services/shop', asking)
  }

  const put = async (gateway: Gateway, agent: VaultAgent, size: number): Promise<Reply> => {
    const { token } = await agent.issue('shop', ['shop:data:write'])
    return call(gateway, { token, service: 'shop', action: 'data.put', params: { id: '7', size } })
  }

  test('says 403 APPROVAL_REQUIRED:<id>, and lets the identical request pass once after a yes', async () => {
    await using gateway = await Gateway.start({ env: vaultEnv })
    const agent = await shop(gateway)
    const first = await put(gateway, agent, 1)
    const { error } = first.json() as { error: string }
    assert.match(error, /^APPROVAL_REQUIRED:apr_[0-9A-Za-z]{22}$/)
    refusedWith(first, error)
    refusedWith(await put(gateway, agent, 1), error)
    assert.equal(`APPROVAL_REQUIRED:${await answer(gateway, 'approved')}`, error)
    assert.notEqual(((await put(gateway, agent, 2)).json() as { error: string }).error, error, 'another body')
    assert.equal(upstream.receipts.length, 0)
    assert.deepEqual(done<{ body: object }>(await put(gateway, agent, 1)).body, { size: 1 })
    assert.equal((await put(gateway, agent, 1)).status, 403, 'a yes is for once')
    assert.equal(upstream.receipts.length, 1)
  })

  test('refuses after a no without asking again', async () => {
    await using gateway = await Gateway.start({ env: vaultEnv })
    const agent = await shop(gateway)
    await put(gateway, agent, 1)
    await answer(gateway, 'denied')
    refusedWith(await put(gateway, agent, 1), 'POLICY_DENY')
    assert.equal(upstream.receipts.length, 0)
  })
})
