// Changes of keys and of agents that are asked for at the same time: they share a transaction, and none sees the others.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fromKey } from '../../crypto/p256.ts'
import type { AgentId } from '../../ground/ids.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { addKey, markBound, revokeKey } from './agent-keys.ts'
import { MOST_LIVE_KEYS, MOST_NEW_KEYS } from './contract.ts'
import { register } from './register.ts'

const newKey = () => fromKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
const day = 86_400_000

let house: TestIdentity
let agent: AgentId
let first: string
before(async () => {
  house = await new TestIdentity().start()
})
after(() => house.end())

let count = 0
const registered = (key = newKey()) =>
  register(house.identity.room, { name: `raced-${++count}`, key, proven: true, behind: { operator: by } })
beforeEach(async () => {
  const made = await registered()
  agent = made.agent.id
  first = made.key.id
})

const room = () => house.identity.room
const statusOf = (id: string) => room().keys.key(id)?.status
const live = () => room().keys.live(agent, house.clock.now())
const winners = (all: readonly PromiseSettledResult<unknown>[]) => all.filter(({ status }) => status === 'fulfilled')

describe('changes of keys at the same time', () => {
  test('a key that was revoked stays so, whatever else was asked for with it', async () => {
    const others = [
      () => addKey(room(), { agent, key: newKey(), retireOthersMs: 30 * day }, by),
      () => markBound(room(), room().keys.key(first)!),
    ]
    for (const other of others) {
      first = (await addKey(room(), { agent, key: newKey() }, by)).id
      const revoked = revokeKey(room(), { agent, key: first, evenLast: true }, by)
      await Promise.all([revoked, other()])
      assert.equal(statusOf(first), 'revoked')
      await house.restart()
      assert.equal(statusOf(first), 'revoked')
    }
  })

  test('no more live keys than an agent may have', async () => {
    const asked = Array.from({ length: 3 * MOST_LIVE_KEYS }, () => addKey(room(), { agent, key: newKey() }, by))
    const all = await Promise.allSettled(asked)
    assert.equal(winners(all).length, MOST_LIVE_KEYS - 1)
    assert.equal(live().length, MOST_LIVE_KEYS)
  })

  test('no more new keys in a day than an agent may need', async () => {
    for (let added = 1; added < MOST_NEW_KEYS; added += 1) {
      const { id } = await addKey(room(), { agent, key: newKey() }, by)
      await revokeKey(room(), { agent, key: id }, by)
    }
    await assert.rejects(addKey(room(), { agent, key: newKey() }, by), { code: 'key_too_many' })
    house.clock.advance(day)
    await addKey(room(), { agent, key: newKey() }, by)
  })

  test('one key for one agent alone', async () => {
    const key = newKey()
    const all = await Promise.allSettled([addKey(room(), { agent, key }, by), registered(key), registered(key)])
    assert.equal(winners(all).length, 1)
    assert.equal(room().keys.withThumbprint(key.thumbprint).length, 1)
  })

  test('not the last one taken away with the one before it', async () => {
    const second = (await addKey(room(), { agent, key: newKey() }, by)).id
    const all = await Promise.allSettled([first, second].map((key) => revokeKey(room(), { agent, key }, by)))
    assert.equal(winners(all).length, 1)
    assert.equal(live().length, 1)
  })

  test('an agent that was revoked stays so', async () => {
    await house.identity.lockAgent(agent, by)
    await Promise.allSettled([house.identity.revokeAgent(agent, by), house.identity.unlockAgent(agent, by)])
    assert.equal(house.identity.findAgent(agent)?.status, 'revoked')
  })
})
