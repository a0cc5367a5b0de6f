import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newKeys } from '../../../test/instruments/proofs.ts'
import { until } from '../../../test/instruments/wait.ts'
import { fromKey } from '../../crypto/p256.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { addKey } from './agent-keys.ts'
import { KeyEnds } from './key-ends.ts'

describe('KeyEnds', () => {
  let room: TestIdentity
  let ends: KeyEnds
  let told = 0
  const watch = () => {
    ends = new KeyEnds(room.identity.room, () => {
      told += 1
    })
    room.storage.follow((change) => ends.follow(change))
  }
  const rotate = async (retireOthersMs?: number) => {
    const agent = room.identity.requireAgent('coder').id
    const key = fromKey(newKeys().publicKey)
    await addKey(room.identity.room, { agent, key, retireOthersMs }, by)
  }
  beforeEach(async () => {
    room = await new TestIdentity().start()
    told = 0
    watch()
    await room.identity.addAgent('coder', by)
    await rotate()
  })
  afterEach(async () => {
    ends.stop()
    await room.end()
  })

  test('tells of each overlap when it is over, the first one first, and not before', async () => {
    await rotate(40)
    await rotate(20)
    await sleep(60)
    assert.equal(told, 0, 'the clock stands')
    room.clock.advance(20)
    await until(() => told === 1)
    await sleep(30)
    assert.equal(told, 1)
    room.clock.advance(20)
    await until(() => told === 2)
  })

  test('tells of those that the rows say after a restart', async () => {
    await rotate(20)
    ends.stop()
    await room.restart()
    watch()
    ends.look()
    room.clock.advance(20)
    await until(() => told === 1)
  })

  test('waits for what is far away, and not for what is over', async () => {
    await rotate(30 * 86_400_000)
    await sleep(20)
    assert.equal(told, 0)
    room.clock.advance(30 * 86_400_000)
    ends.look()
    await sleep(20)
    assert.equal(told, 0)
  })
})
