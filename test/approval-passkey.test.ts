// A yes by passkey: signed over the digest of what was shown, by who may answer, once.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Person } from './instruments/person.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Item {
  readonly id: string
  readonly digest: string
  readonly says: string
}

describe('an approval that wants a passkey', () => {
  let around: World
  let ann: Person
  before(async () => {
    around = await world({
      service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'passkey' } } },
      env: { CLAVIGER_LIMIT_PEOPLE: 'off' },
    })
    ann = await Person.enrolled(around.gateway, 'ann', 'approver')
  })
  after(() => around[Symbol.asyncDispose]())

  const ask = (id: number): Promise<Reply> =>
    around.call(`/pay/${id}`, { method: 'POST', headers: { prefer: 'wait=60' }, body: '{}' })
  const pending = async (id: number): Promise<Item> => {
    let found: Item | undefined
    await until(async () => {
      const { items } = await around.gateway.does<{ items: Item[] }>('GET', '/approvals?status=pending')
      found = items.find(({ says }) => says.endsWith(`/pay/${id}`))
      return found !== undefined
    })
    return found as Item
  }
  const signed = async (who: Person, { id, digest }: Item, challenge = { id, digest }) => {
    const options = await who.does('POST', `/approvals/${challenge.id}/challenge`, { digest: challenge.digest })
    const assertion = who.authenticator.get(options as never, who.origin)
    return { id, body: { verdict: 'approved', digest, assertion } }
  }
  const give = (who: Person, { id, body }: Awaited<ReturnType<typeof signed>>) =>
    who.send('POST', `/approvals/${id}/verdict`, body)

  test('goes out once after an approver’s passkey, and what was signed is kept', async () => {
    const held = ask(1)
    const item = await pending(1)
    const yes = await signed(ann, item)
    assert.equal((await give(ann, yes)).status, 200)
    assert.equal((await held).status, 200)
    assert.equal((await give(ann, yes)).code, 'passkey_refused', 'a challenge is good once')
    assert.equal(around.upstream.received('/pay/1').length, 1)
    const { answers } = await ann.does<{ answers: { assurance: string; channel: string }[] }>(
      'GET',
      `/approvals/${item.id}`,
    )
    assert.deepEqual(
      answers.map(({ assurance, channel }) => [assurance, channel]),
      [['passkey', 'console']],
    )
  })

  test('takes no signature for another action, of another person, or without a session', async () => {
    const [first, second] = [ask(2), ask(3)]
    const [one, other] = [await pending(2), await pending(3)]
    assert.equal((await give(ann, await signed(ann, one, other))).code, 'passkey_refused')
    assert.equal(
      (await give(ann, await signed(ann, { ...one, digest: other.digest }, one))).code,
      'approval_other_action',
    )
    const bob = await Person.enrolled(around.gateway, 'bob', 'approver')
    assert.equal((await give(bob, await signed(ann, one))).code, 'passkey_refused')
    const eve = await Person.enrolled(around.gateway, 'eve', 'auditor')
    const { id, digest } = one
    assert.equal((await eve.send('POST', `/approvals/${id}/challenge`, { digest })).code, 'role_refused')
    assert.equal(
      (await eve.send('POST', `/approvals/${id}/verdict`, { verdict: 'denied', digest })).code,
      'role_refused',
    )
    const asToken = await around.gateway.operator('POST', `/approvals/${id}/challenge`, { digest })
    assert.equal(asToken.code, 'session_wanted')
    const bare = await ann.send('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
    assert.equal(bare.code, 'approval_too_weak', 'a browser may have been left open')
    for (const { id, digest } of [one, other])
      assert.equal((await ann.send('POST', `/approvals/${id}/verdict`, { verdict: 'denied', digest })).status, 200)
    assert.deepEqual([(await first).code, (await second).code], ['approval_denied', 'approval_denied'])
    assert.equal(around.upstream.received('/pay/2').length + around.upstream.received('/pay/3').length, 0)
  })
})
