import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AgentId, CallId, GrantId } from '../ground/ids.ts'
import { api, by, call, TestGrants } from './grants.support.ts'

describe('uses', () => {
  const room = new TestGrants()
  before(() => room.start())
  after(() => room.end())
  let agents = 0
  const give = async (uses: number, more: object = {}) => {
    const { id } = await room.give({ agent: `agent_${agents++}` as AgentId, uses, ...more })
    return id as GrantId
  }
  const used = (id: GrantId) => room.grants.find(id).used

  test('64 racers get exactly as many as there are', async () => {
    for (const uses of [1, 7, 63]) {
      const id = await give(uses)
      const racers = Array.from({ length: 64 }, () => room.grants.consume(id, call()))
      const wins = (await Promise.all(racers)).filter((won) => won)
      assert.equal(wins.length, uses)
      assert.equal(used(id), uses)
    }
  })

  test('racers that come in different turns get no more', async () => {
    const id = await give(10)
    const racers = Array.from({ length: 64 }, async (_, at) => {
      for (let turn = 0; turn < at % 5; turn++) await new Promise(setImmediate)
      return room.grants.consume(id, call())
    })
    assert.equal((await Promise.all(racers)).filter((won) => won).length, 10)
  })

  test('uses stay used over a restart', async () => {
    const id = await give(2)
    await room.grants.consume(id, call())
    await room.restart()
    assert.equal(used(id), 1)
    assert.deepEqual(await Promise.all([room.grants.consume(id, call()), room.grants.consume(id, call())]), [
      true,
      false,
    ])
  })

  test('nothing is used of a grant that is taken back, ended or not there', async () => {
    const taken = await give(5)
    await room.grants.revoke(taken, by)
    const ended = await give(5, { expiresAt: room.clock.now() + 10 })
    room.clock.advance(10)
    for (const id of [taken, ended, 'grt_none' as GrantId]) assert.equal(await room.grants.consume(id, call()), false)
  })

  test('a call takes one use, however often it asks', async () => {
    const id = await give(5)
    const rid = call()
    await room.grants.consume(id, rid)
    await assert.rejects(room.grants.consume(id, rid))
    assert.equal(used(id), 1)
    assert.equal(database(id), 1)
  })

  test('a use is given back once, and only by the call that took it', async () => {
    const id = await give(1)
    const rid = call()
    await room.grants.consume(id, rid)
    assert.equal(await room.grants.giveBack(id, call()), false)
    assert.deepEqual([await room.grants.giveBack(id, rid), await room.grants.giveBack(id, rid)], [true, false])
    assert.equal(used(id), 0)
    assert.equal(await room.grants.consume(id, call()), true)
  })

  test('after a crash, uses without a record are returned, and the others stay used', async () => {
    await room.restart()
    await room.grants.settle(async (rids) => new Set(rids))
    const id = await give(5)
    const calls = Array.from({ length: 4 }, call)
    for (const rid of calls) await room.grants.consume(id, rid)
    await room.restart()
    const recorded = new Set<CallId>(calls.slice(1))
    assert.equal(await room.grants.settle(async () => recorded), 1)
    assert.equal(used(id), 3)
    assert.equal(await room.grants.settle(async () => new Set()), 0, 'once settled, for good')
    const now = call()
    await room.grants.consume(id, now)
    assert.equal(await room.grants.settle(async () => new Set()), 0, 'calls of this process are not settled')
  })

  test('a counter set back by hand is found, and nothing is used', async () => {
    const id = await give(3)
    for (let n = 0; n < 3; n++) await room.grants.consume(id, call())
    await room.restart(`update grant_uses set used = 0 where grant_id = '${id}'`)
    await assert.rejects(room.grants.consume(id, call()), { code: 'row_tampered' })
    await room.restart(`delete from grant_uses where grant_id = '${id}'`)
    await assert.rejects(room.grants.consume(id, call()), { code: 'row_tampered' })
    assert.equal(used(id), 3)
  })

  test('a mirror set back by hand takes the grant out of use', async () => {
    const id = await give(3)
    await room.grants.consume(id, call())
    await room.restart(`update grant_counters set used = 0 where id = '${id}'`)
    assert.ok(room.bad.includes(id))
    assert.equal(room.grants.of(`agent_${agents - 1}` as AgentId, api.id).length, 0)
  })

  test('a mirror that was given another id takes every grant out of use that lacks one', async () => {
    const [id, other] = [await give(3), await give(3)]
    await room.grants.consume(id, call())
    await room.restart(
      `update grant_counters set id = 'nobody' where id = '${id}'`,
      `delete from grant_uses where grant_id = '${id}'`,
    )
    assert.ok(room.bad.includes(id) && room.bad.includes(other))
    assert.equal(await room.storage.checkRows(), 'ok', 'the sum alone does not tell')
  })

  test('calls written in by hand, or moved to another grant, give no use back', async () => {
    const [id, other] = [await give(2), await give(2)]
    await room.grants.consume(id, call())
    await room.grants.consume(other, call())
    const copied = `insert into grant_calls select 'call_planted', grant_id, 'earlier', at, epoch, mac from grant_calls`
    await room.restart(
      `${copied} where grant_id = '${id}'`,
      `update grant_calls set grant_id = '${id}', boot = 'earlier'`,
    )
    assert.equal(await room.storage.checkRows(), 'tampered')
    assert.equal(await room.grants.settle(async () => new Set()), 0)
    assert.deepEqual([used(id), used(other)], [1, 1])
  })

  const database = (id: GrantId) => room.database.look('select used from grant_uses where grant_id = ?', id)[0]?.used
})
