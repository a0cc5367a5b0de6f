// What the ClawGate door keeps over a crash, and what it wants of people.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { approve, ClawGateClient, refusedAs } from './instruments/clawgate-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'
import { send } from './instruments/send.ts'

async function start(env: Record<string, string> = {}) {
  const gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', ...env } })
  await gateway.does('POST', '/agents', { name: 'my-agent' })
  const { key } = await gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'my-agent', name: 'a' })
  return { gateway, own: new ClawGateClient(gateway, key) }
}

async function states({ port }: Gateway, token: string): Promise<{ id: string; assurance: string }> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', host: `127.0.0.1:${port}` }
  const path = '/claviger/v1/agents/self/approvals'
  const reply = await send({ port, method: 'POST', path, headers, body: '{"action":"a"}' })
  assert.equal(reply.status, 201, reply.text())
  return reply.json() as { id: string; assurance: string }
}

describe('the ClawGate door', () => {
  test('keeps requests, verdicts and what was consumed over a kill', async () => {
    const { gateway, own } = await start()
    await using _ = gateway
    const ann = await Person.enrolled(gateway, 'ann', 'owner')
    const { requestId } = await own.request()
    await gateway.kill9()
    await gateway.restart()
    await ann.signsIn()
    assert.equal((await approve(ann, requestId)).status, 200)
    const { token = '' } = await own.status(requestId)
    await gateway.kill9()
    await gateway.restart()
    assert.equal((await own.verify(token)).valid, true)
    const again = (await own.status(requestId)).token as string
    assert.equal(again.split('.')[1], token.split('.')[1], 'the same token, signed anew')
    assert.equal((await own.verify(token, { consume: true })).valid, true)
    await gateway.kill9()
    await gateway.restart()
    assert.equal((await own.verify(again, { consume: true })).error, 'consumed')
  })

  test('wants two different people where it is told to (CG-09)', async () => {
    const { gateway, own } = await start({ CLAVIGER_CLAWGATE_APPROVERS: '2' })
    await using _ = gateway
    const [ann, bob] = [
      await Person.enrolled(gateway, 'ann', 'owner'),
      await Person.enrolled(gateway, 'bob', 'approver'),
    ]
    const { requestId } = await own.request()
    assert.equal((await approve(ann, requestId)).status, 200)
    assert.equal((await own.status(requestId)).status, 'PENDING')
    assert.equal((await approve(ann, requestId)).code, 'approval_same_person')
    assert.equal((await approve(bob, requestId)).status, 200)
    const { status, token = '' } = await own.status(requestId)
    assert.equal(status, 'APPROVED')
    assert.equal((await own.verify(token)).claims?.approver, 'ann, bob')
  })

  test('takes no yes of whoever answers for the agent where it is told not to, and their no (CG-09)', async () => {
    const { gateway } = await start({ CLAVIGER_CLAWGATE_OWNERS_APPROVE: 'off' })
    await using _ = gateway
    const ann = await Person.enrolled(gateway, 'ann', 'owner')
    const bob = await Person.enrolled(gateway, 'bob', 'approver')
    await ann.does('POST', '/agents', { name: 'anns' })
    const { key } = await ann.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'anns', name: 'a' })
    const own = new ClawGateClient(gateway, key)
    const [{ requestId: one }, { requestId: other }] = [await own.request(), await own.request()]
    assert.equal((await approve(ann, one)).code, 'approval_own_agent')
    const origin = { origin: ann.origin }
    const options = await own.ask('POST', '/passkey/authenticate/start', { approvalId: one }, origin)
    const answer = ann.authenticator.get(options.json() as never, ann.origin)
    const refused = await own.ask('POST', `/approval/approve/${one}`, answer, origin)
    assert.deepEqual(refusedAs(refused), [403, 'FORBIDDEN'])
    assert.equal((await own.status(one)).status, 'PENDING')
    assert.equal((await approve(bob, one)).status, 200)
    assert.equal((await own.status(one)).status, 'APPROVED')
    const { digest, shown } = await ann.does<{ digest: string; shown: object }>('GET', `/approvals/${other}`)
    assert.match(JSON.stringify(shown), /may not be approved by/)
    await ann.does('POST', `/approvals/${other}/verdict`, { verdict: 'denied', digest })
    assert.equal((await own.status(other)).status, 'DENIED')
  })

  test('takes none natively either (CG-09)', async () => {
    const { gateway } = await start({ CLAVIGER_CLAWGATE_OWNERS_APPROVE: 'off', CLAVIGER_STATED_ASSURANCE: 'tap' })
    await using _ = gateway
    const ann = await Person.enrolled(gateway, 'ann', 'owner')
    const bob = await Person.enrolled(gateway, 'bob', 'approver')
    await ann.does('POST', '/agents', { name: 'anns' })
    const { token } = await ann.does<{ token: string }>('POST', '/tokens', { agent: 'anns' })
    const { id, assurance } = await states(gateway, token)
    assert.equal(assurance, 'tap')
    assert.equal((await approve(ann, id)).code, 'approval_own_agent')
    assert.equal((await approve(bob, id)).status, 200)
  })

  test('verifies so many tokens a minute for one address', async () => {
    const { gateway, own } = await start({ CLAVIGER_CLAWGATE_VERIFY_PER_MINUTE: '2' })
    await using _ = gateway
    for (let at = 0; at < 2; at += 1) assert.equal((await own.verify('x')).error, 'malformed')
    const reply = await own.ask('POST', '/approval/verify-token', { token: 'x' }, {})
    assert.deepEqual(refusedAs(reply), [429, 'RATE_LIMITED'])
    assert.ok(Number(reply.headers['retry-after']) > 0)
  })

  test('is gone where it is switched off', async () => {
    const { gateway, own } = await start()
    await using _ = gateway
    await gateway.stop()
    await gateway.restart({ CLAVIGER_CLAWGATE: 'off' })
    assert.equal((await own.ask('POST', '/approval/verify-token', { token: 'x' })).status, 404)
    assert.equal((await gateway.operator('GET', '/clawgate/api-keys')).status, 404)
  })
})
