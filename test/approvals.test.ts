// A risky call stops, asks, and goes on only as it was shown.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { type Reply, send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, type WorldOptions, world } from './instruments/world.ts'

const json = { 'content-type': 'application/json' }
interface Item {
  readonly id: string
  readonly status: string
  readonly digest: string
}

const asking = (ask: string, more: WorldOptions = {}) =>
  world({ service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask } } }, ...more })
const pay = (around: World, prefer: string, body = '{"amount":4200}', path = '/pay/7'): Promise<Reply> =>
  around.call(path, { method: 'POST', headers: { ...json, prefer }, body })
const pending = async ({ gateway }: World): Promise<Item[]> =>
  (await gateway.does<{ items: Item[] }>('GET', '/approvals?status=pending')).items
const answer = ({ gateway }: World, { id, digest }: Item, verdict: string): Promise<Reply> =>
  gateway.operator('POST', `/approvals/${id}/verdict`, { verdict, digest })
const approvalOf = (reply: Reply): string => (reply.json() as { approval: string }).approval

describe('a call that a human must approve', () => {
  test('waits on its connection, and goes out once after a yes', async () => {
    await using around = await asking('tap')
    const held = pay(around, 'wait=60')
    await until(async () => (await pending(around)).length === 1)
    const [item] = (await pending(around)) as [Item]
    const detail = await around.gateway.does<{ action: Record<string, unknown> }>('GET', `/approvals/${item.id}`)
    assert.equal(detail.action.path, '/pay/7')
    assert.deepEqual((detail.action.body as { bytes: number }).bytes, 15)
    assert.equal(around.upstream.received('/pay/7').length, 0)
    assert.equal((await answer(around, item, 'approved')).status, 200)
    assert.equal((await held).status, 200)
    const [sent] = around.upstream.received('/pay/7')
    assert.equal(sent?.body.bytes.toString(), '{"amount":4200}')
    assert.deepEqual(sent?.headers.get('authorization'), [`Bearer ${around.secret}`])
    const again = await pay(around, 'wait=0')
    assert.equal(again.code, 'approval_required', 'a yes is for once')
    assert.equal(around.upstream.received('/pay/7').length, 1)
  })

  test('has no challenge at the door whose requests are stated alone', async () => {
    await using around = await asking('tap')
    const body = JSON.stringify({ approvalId: approvalOf(await pay(around, 'wait=0')) })
    const path = '/api/v1/passkey/authenticate/start'
    const reply = await send({ port: around.gateway.port, method: 'POST', path, headers: json, body })
    assert.equal(reply.status, 404)
  })

  test('is told to come again, and the identical request passes once', async () => {
    await using around = await asking('tap')
    const first = await pay(around, 'wait=0')
    assert.deepEqual([first.status, first.code], [403, 'approval_required'])
    assert.equal(approvalOf(await pay(around, 'wait=0')), approvalOf(first), 'identical ones are one')
    const [item] = (await pending(around)) as [Item]
    await answer(around, item, 'approved')
    assert.equal((await pay(around, 'wait=0', '{"amount":4201}')).code, 'approval_required', 'another body is another')
    assert.equal(around.upstream.received('/pay/7').length, 0)
    assert.equal((await pay(around, 'wait=0')).status, 200)
  })

  test('is refused after a no, and without asking anybody again', async () => {
    await using around = await asking('passkey')
    const held = pay(around, 'wait=60')
    await until(async () => (await pending(around)).length === 1)
    const [item] = (await pending(around)) as [Item]
    assert.equal((await answer(around, item, 'approved')).code, 'approval_too_weak', 'a token lies in a file')
    assert.equal((await answer(around, item, 'denied')).status, 200)
    assert.equal((await held).code, 'approval_denied')
    for (let at = 0; at < 5; at += 1) assert.equal((await pay(around, 'wait=60')).code, 'approval_denied')
    assert.equal(around.upstream.received('/pay/7').length, 0)
    assert.deepEqual(readdirSync(join(around.gateway.home, 'spool')), [])
  })

  test('is not carried out when what it stands on is other than was shown', async () => {
    await using around = await asking('tap')
    const held = pay(around, 'wait=60')
    await until(async () => (await pending(around)).length === 1)
    const [item] = (await pending(around)) as [Item]
    const changed = await around.gateway.operator('PUT', '/services/u', {
      name: 'u',
      origins: [around.upstream.origin],
      addresses: ['127.0.0.0/8'],
      injection: { kind: 'header', name: 'x-other' },
      actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } },
    })
    assert.equal(changed.status, 200, changed.text())
    await answer(around, item, 'approved')
    assert.equal((await held).code, 'approval_mismatch')
    assert.equal(around.upstream.received('/pay/7').length, 0)
  })

  test('ends for a caller that leaves, and stands for when it comes back', async () => {
    await using around = await asking('tap')
    const leaving = new AbortController()
    const headers = { ...json, prefer: 'wait=60' }
    const left = around.call('/pay/7', { method: 'POST', headers, body: '{}', signal: leaving.signal })
    await until(async () => (await pending(around)).length === 1)
    leaving.abort()
    await assert.rejects(left)
    // The gateway has heard of it, and answered nobody: before that the yes would be the first call's.
    const denials = () => around.gateway.does<{ items: object[] }>('GET', '/audit/records?type=deny')
    await until(async () => (await denials()).items.length > 0)
    const [item] = (await pending(around)) as [Item]
    await answer(around, item, 'approved')
    assert.equal(around.upstream.received('/pay/7').length, 0)
    assert.equal((await pay(around, 'wait=0', '{}')).status, 200)
  })

  test('is denied with all that waits, or all of its agent, at once (G-07)', async () => {
    await using around = await asking('tap')
    const ids = [approvalOf(await pay(around, 'wait=0')), approvalOf(await pay(around, 'wait=0', '{}'))]
    const deny = async (line: string) => {
      const { stdout } = await asOperator(around.gateway, `deny ${line} --json`)
      return (JSON.parse(stdout) as { items: Item[] }).items
    }
    assert.deepEqual(await deny('--agent nobody'), [])
    assert.equal((await pending(around)).length, 2)
    await asOperator(around.gateway, `deny ${ids[0]} --all`, 64)
    await asOperator(around.gateway, 'deny', 64)
    const denied = await deny('--agent agent-of-u --comment enough')
    assert.deepEqual(denied.map(({ id, status }) => `${id} ${status}`).sort(), ids.map((id) => `${id} denied`).sort())
    assert.deepEqual(await deny('--all'), [])
    assert.equal(around.upstream.receipts.length, 0)
  })

  test('survives a kill of the gateway, and is not run twice', async () => {
    await using around = await asking('tap')
    await pay(around, 'wait=0')
    await around.gateway.kill9()
    await around.gateway.restart()
    const [item] = (await pending(around)) as [Item]
    await answer(around, item, 'approved')
    await around.gateway.kill9()
    await around.gateway.restart()
    const replies = await Promise.all(Array.from({ length: 16 }, () => pay(around, 'wait=0')))
    assert.equal(replies.filter(({ status }) => status === 200).length, 1)
    assert.equal(around.upstream.received('/pay/7').length, 1)
  })

  test('is seen and taken back by its own agent alone', async () => {
    await using around = await asking('tap')
    const id = approvalOf(await pay(around, 'wait=0'))
    const own = (method: string, token = around.token) =>
      around.gateway.agent(method, `/claviger/v1/agents/self/approvals/${id}`, {
        headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${token}` },
      })
    await around.gateway.does('POST', '/agents', { name: 'other' })
    const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'other' })
    assert.equal((await own('GET', token)).code, 'approval_unknown')
    assert.equal((await own('DELETE', token)).code, 'approval_unknown')
    assert.equal(((await own('GET')).json() as Item).status, 'pending')
    assert.equal(((await own('DELETE')).json() as Item).status, 'cancelled')
    const asAgent = await around.gateway.agent('POST', `/claviger/v1/approvals/${id}/verdict`, {
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${around.token}`, ...json },
      body: JSON.stringify({ verdict: 'approved', digest: '0'.repeat(64) }),
    })
    assert.ok([401, 403, 404].includes(asAgent.status), 'an agent answers nothing (G-03)')
  })
})
