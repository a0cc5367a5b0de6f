// A caller that did not hear the answer asks again under the same key: nobody is asked twice, and nothing runs twice.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import type { Reply } from './instruments/send.ts'
import { type World, world } from './instruments/world.ts'

const asking = () => world({ service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } } })
const pay = (around: World, key: string, body = '{"amount":1}', token = around.token): Promise<Reply> => {
  const headers = { 'content-type': 'application/json', prefer: 'wait=0', 'idempotency-key': key }
  return around.call('/pay/7', { method: 'POST', headers, body, token })
}
const approvalOf = (reply: Reply): string => (reply.json() as { approval: string }).approval

describe('a call under an Idempotency-Key', () => {
  test('is one approval for one key, over a kill too; another request under it is refused', async () => {
    await using around = await asking()
    const id = approvalOf(await pay(around, 'k-1'))
    assert.equal(approvalOf(await pay(around, '"k-1"')), id)
    const other = await pay(around, 'k-1', '{"amount":2}')
    assert.deepEqual([other.status, other.code], [409, 'idempotency_conflict'])
    await around.gateway.kill9()
    await around.gateway.restart()
    assert.equal(approvalOf(await pay(around, 'k-1')), id)
    assert.equal((await pay(around, 'k-1', '{"amount":2}')).code, 'idempotency_conflict')
    assert.equal(around.upstream.received('/pay/7').length, 0)
  })

  test('runs once, and is not asked about anew when it is sent again', async () => {
    await using around = await asking()
    const id = approvalOf(await pay(around, 'k-1'))
    await asOperator(around.gateway, `approve ${id}`)
    assert.equal((await pay(around, 'k-1')).status, 200)
    const again = await pay(around, 'k-1')
    assert.deepEqual([again.code, approvalOf(again)], ['approval_not_given', id])
    assert.equal(around.upstream.received('/pay/7').length, 1)
    assert.notEqual(approvalOf(await pay(around, 'k-2')), id, 'another key is another request')
  })

  test('is refused where the key is none, and another agent’s key is another', async () => {
    await using around = await asking()
    const bad = await pay(around, 'x'.repeat(256))
    assert.deepEqual([bad.status, bad.code], [400, 'idempotency_key_invalid'])
    const id = approvalOf(await pay(around, 'k-1'))
    await around.gateway.does('POST', '/agents', { name: 'other' })
    const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'other' })
    await around.gateway.does('POST', '/grants', { agent: 'other', service: 'u', scopes: ['u:*'] })
    const other = await pay(around, 'k-1', '{"amount":2}', token)
    assert.equal(other.code, 'approval_required')
    assert.notEqual(approvalOf(other), id)
  })
})
