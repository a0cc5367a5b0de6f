// Approvals as they happen, over streams of events: whom they tell what, and when they end.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EventReader } from './instruments/event-reader.ts'
import { Person } from './instruments/person.ts'
import { type World, world } from './instruments/world.ts'

const asking = () => world({ service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } } })
const BODY = '{"amount":4200,"note":"between us"}'
const pay = (around: World, id: string) =>
  around.call(`/pay/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=0' },
    body: BODY,
  })
const approvalOf = (reply: { json(): unknown }) => (reply.json() as { approval: string }).approval

const asOperator = ({ gateway }: World, token = gateway.operatorToken) =>
  EventReader.open({
    socketPath: gateway.socketPath,
    path: '/claviger/v1/approvals/events',
    headers: { host: 'localhost', authorization: `Bearer ${token}` },
  })
const asAgent = ({ gateway }: World, token: string) =>
  EventReader.open({
    port: gateway.port,
    path: '/claviger/v1/agents/self/approvals/events',
    headers: { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}` },
  })
const asPerson = ({ gateway }: World, { cookie, csrf }: Person) =>
  EventReader.open({
    port: Number(new URL(gateway.ready.operators as string).port),
    path: '/claviger/v1/approvals/events',
    headers: {
      host: new URL(gateway.ready.operators as string).host,
      'sec-fetch-site': 'same-origin',
      cookie: `__Host-clv=${cookie}`,
      ...(csrf !== undefined && { 'claviger-csrf': csrf }),
    },
  })
const idsIn = (state: Record<string, unknown>) => (state.items as { id: string }[]).map(({ id }) => id)
const overFor = async (reader: EventReader) => {
  const { how, last } = await reader.end()
  return [how, last?.event, last?.data.reason]
}
const revoked = ['end', 'end', 'caller_over']

async function otherAgent({ gateway }: World): Promise<{ token: string; id: string }> {
  await gateway.does('POST', '/agents', { name: 'other' })
  return gateway.does('POST', '/tokens', { agent: 'other' })
}

describe('a stream of approvals', () => {
  test('tells operators what the list shows, and an agent id and status of its own alone', async () => {
    await using around = await asking()
    const { token: others } = await otherAgent(around)
    using operator = await asOperator(around)
    using agent = await asAgent(around, around.token)
    using other = await asAgent(around, others)
    for (const reader of [operator, agent, other]) assert.deepEqual(await reader.heard('state'), { items: [], more: 0 })
    const id = approvalOf(await pay(around, '7'))
    const opened = await operator.heard('opened')
    assert.deepEqual([opened.id, opened.status], [id, 'pending'])
    assert.match(opened.says as string, /^POST .*\/pay\/7$/)
    assert.deepEqual(await agent.heard('opened'), { id, status: 'pending' })
    await around.gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest: opened.digest })
    assert.equal((await pay(around, '7')).status, 200)
    assert.equal((await operator.heard('consumed')).status, 'consumed')
    assert.deepEqual(await agent.heard('consumed'), { id, status: 'consumed' })
    const names = ['state', 'opened', 'approved', 'consumed']
    for (const reader of [operator, agent])
      assert.deepEqual(
        reader.events.map(({ event }) => event),
        names,
      )
    assert.doesNotMatch(JSON.stringify(operator.events), /between us/)
    // Whatever was told has been written by now: a later event of its own is behind it.
    const cancelled = approvalOf(await pay(around, '8'))
    const { status } = await around.gateway.agent('DELETE', `/claviger/v1/agents/self/approvals/${cancelled}`, {
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${around.token}` },
    })
    assert.equal(status, 200)
    assert.deepEqual(await agent.heard('cancelled'), { id: cancelled, status: 'cancelled' })
    assert.deepEqual(
      other.events.map(({ event }) => event),
      ['state'],
    )
  })

  test('is for nobody else: an agent has no way to the operators’, and half a session none at all', async () => {
    await using around = await asking()
    const { gateway } = around
    const headers = { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${around.token}` }
    const asked = await gateway.agent('GET', '/claviger/v1/approvals/events', { headers })
    assert.equal(asked.code, 'endpoint_unknown')
    using byToken = await asOperator(around, around.token)
    assert.equal(await byToken.code(), 'caller_refused')
    using nobody = await asAgent(around, 'clv_ak_no')
    assert.equal(await nobody.code(), 'unauthenticated')
    const ann = await Person.enrolled(gateway, 'ann', 'auditor')
    const half = Object.assign(Object.create(ann), { cookie: ann.cookie, csrf: undefined })
    using withoutCsrf = await asPerson(around, half)
    assert.equal(await withoutCsrf.code(), 'unauthenticated')
  })

  test('ends at once with the token, the agent or the session that it stands on', async () => {
    await using around = await asking()
    const { gateway } = around
    const other = await otherAgent(around)
    using byToken = await asAgent(around, other.token)
    using byAgent = await asAgent(around, around.token)
    await gateway.does('POST', '/operators', { name: 'script', role: 'auditor' })
    const script = await gateway.does<{ token: string }>('POST', '/operators/script/tokens', {})
    using byOperator = await asOperator(around, script.token)
    const ann = await Person.enrolled(gateway, 'ann', 'approver')
    using bySession = await asPerson(around, ann)
    using staying = await asOperator(around)
    for (const reader of [byToken, byAgent, byOperator, bySession, staying]) await reader.heard('state')
    await gateway.does('DELETE', `/tokens/${other.id}`)
    assert.deepEqual(await overFor(byToken), revoked)
    await gateway.does('POST', '/agents/agent-of-u/lock')
    assert.deepEqual(await overFor(byAgent), revoked)
    await gateway.does('DELETE', '/operators/script')
    assert.deepEqual(await overFor(byOperator), revoked)
    await ann.does('DELETE', '/people/session')
    assert.deepEqual(await overFor(bySession), revoked)
    await gateway.does('POST', '/seal')
    assert.deepEqual(await overFor(staying), ['end', 'end', 'vault_sealed'])
  })

  test('ends within a second when the token runs out', async () => {
    await using around = await asking()
    // On a slow machine a short one is over before it is shown.
    for (const ttlSeconds of [2, 10, 50]) {
      const asked = { agent: 'agent-of-u', ttlSeconds }
      const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', asked)
      using reader = await asAgent(around, token)
      if (reader.status !== 200) continue
      assert.deepEqual(await overFor(reader), revoked)
      return
    }
    assert.fail('no token lived long enough to be shown')
  })

  test('ends in good order when the gateway stops, and the next one begins with what waits', async () => {
    await using around = await asking()
    const { gateway } = around
    const missed = approvalOf(await pay(around, '7'))
    using before = await asOperator(around)
    assert.deepEqual(idsIn(await before.heard('state')), [missed])
    assert.equal(await gateway.stop(), 0)
    assert.deepEqual(await overFor(before), ['end', 'end', 'shutting_down'])
    await gateway.restart()
    using after = await asOperator(around)
    using agent = await asAgent(around, around.token)
    assert.deepEqual(idsIn(await after.heard('state')), [missed])
    assert.deepEqual(idsIn(await agent.heard('state')), [missed])
  })
})
