import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { by, DAY_MS, TestRelying } from './relying.support.ts'

type Made = Awaited<ReturnType<TestRelying['service']>>

describe('trust', () => {
  let room: TestRelying
  let shop: Made
  let agent: string
  beforeEach(async () => {
    room = await new TestRelying().start()
    shop = await room.service('shop', 'acme')
    agent = room.agent('coder').id
    room.clock.advance(90 * DAY_MS) // old enough to weigh
  })
  afterEach(() => room.end())
  const says = (score: number, { of = agent, from = shop, reason = 'because' } = {}) =>
    room.desk(from.principal).reportTrust(of, { score, reason })
  const score = (of = agent) => room.relying.trustOf(of).score

  test('is neutral at first, and moves with what a service says, over a restart', async () => {
    const before = room.relying.showTrust('coder')
    assert.deepEqual(
      [before.score, before.band, before.samples, before.confidence, before.updatedAt],
      [5, 'Neutral', 0, 0, room.clock.now() - 90 * DAY_MS],
    )
    const { id, counted, trust } = await says(9)
    // Agreement 1 − 4/10: 0.6 · 9 + 25 over 5.6.
    assert.deepEqual(
      [counted, trust.score, trust.band, trust.samples, trust.updatedAt],
      [true, 5.4, 'Neutral', 1, room.clock.now()],
    )
    assert.match(id, /^rpt_/)
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(room.relying.showTrust(agent), trust)
      await room.restart()
    }
    room.clock.advance(3_000 * DAY_MS)
    assert.deepEqual([score(), room.relying.trustOf(agent).samples], [5, 0])
  })

  test('weighs a new service little, and one that is always far off less and less', async () => {
    const fresh = await room.service('fresh', 'globex')
    assert.equal((await says(0, { from: fresh })).trust.score, toOne((25 + 0) / 5.1))
    const loud = room.agent('other').id
    await says(10, { of: loud })
    assert.equal(score(loud), toOne((25 + 0.5 * 10) / 5.5))
  })

  test('counts one report of a service in 24 hours: a later one replaces it, and the hours go on', async () => {
    const first = await says(0)
    room.clock.advance(DAY_MS - 1)
    const second = await says(9)
    assert.deepEqual([second.id, second.counted, second.trust.samples], [first.id, true, 1])
    assert.equal(second.trust.score, 5.4)
    room.clock.advance(1)
    const third = await says(9)
    assert.deepEqual([third.counted, third.trust.samples], [true, 2])
    assert.notEqual(third.id, first.id)
    const history = await room.relying.trustHistory('coder')
    assert.deepEqual(
      history.map((one) => [one.score, one.scoreBefore, one.state]),
      [
        [9, 5, 'counted'], // what it replaced did not colour what was thought before
        [9, 5.4, 'counted'],
      ],
    )
  })

  test('does so too for reports that come in one turn', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, at) => says(at % 11)))
    assert.deepEqual([new Set(made.map(({ id }) => id)).size, room.relying.trustOf(agent).samples], [1, 1])
  })

  test('does not count a report that is older than the one that stands', async () => {
    const now = room.clock.now()
    const { id } = await says(9)
    room.clock.jumpTo(now - 60_000)
    const { counted, id: standing } = await says(0)
    assert.deepEqual([counted, standing], [false, id])
    room.clock.jumpTo(now)
    assert.equal(score(), 5.4)
    assert.equal((await room.relying.trustHistory(agent))[0]?.score, 9)
  })

  test('refuses what is no report, and a service that judges its own', async () => {
    const wrong: readonly (readonly [number, string])[] = [
      [-0.1, 'x'],
      [10.1, 'x'],
      [Number.NaN, 'x'],
      [Number.POSITIVE_INFINITY, 'x'],
      [5, ''],
      [5, '  '],
      [5, 'x'.repeat(501)],
      [5, 'a\0b'],
      [5, '\ud800'],
    ]
    for (const [value, reason] of wrong)
      await assert.rejects(says(value, { reason }), { code: 'report_invalid', status: 422 }, `${value} ${reason}`)
    for (const value of [0, -0, 10, 7.25, 1 / 3]) assert.equal((await says(value)).counted, true)
    assert.equal((await room.relying.trustHistory(agent))[0]?.score, 1 / 3)
    await says(1, { reason: 'x'.repeat(500) })
    const own = await room.service('own', 'op_tester')
    await assert.rejects(says(10, { from: own }), { code: 'report_on_own_agent', status: 403 })
    const others = room.agent('others', { owner: 'op_other' }).id
    await says(10, { from: own, of: others })
  })

  test('gives the services of one owner together a quarter', async () => {
    const same: Made[] = [shop]
    for (let at = 0; at < 9; at += 1) same.push(await room.service(`shop-${at}`, 'acme'))
    for (const from of same) await says(10, { from })
    // However many: at most a quarter of the weight, the rest is the prior's 5.0.
    const lone = room.relying.trustOf(agent)
    assert.ok(lone.score <= 6.3 && lone.confidence <= 0.25 + 1e-12, JSON.stringify(lone))
    assert.equal(lone.samples, 10)
  })

  test('lets a disputed report weigh nothing, and not be replaced, until it is decided', async () => {
    const { id } = await says(0)
    const low = score()
    assert.ok(low < 5)
    const disputed = await room.relying.dispute(id, by)
    assert.deepEqual([disputed.state, disputed.disputedAt, score()], ['disputed', room.clock.now(), 5])
    assert.equal((await room.relying.dispute(id, by)).state, 'disputed')
    assert.deepEqual((({ counted, id }) => [counted, id])(await says(0)), [false, id])
    await room.restart()
    assert.equal(score(), 5)
    assert.equal((await room.relying.decide(id, true, by)).state, 'counted')
    assert.equal(score(), low)
    await assert.rejects(room.relying.dispute(id, by), { code: 'report_decided' })
    await assert.rejects(room.relying.decide(id, true, by), { code: 'report_not_disputed' })
    assert.equal((await room.relying.decide(id, false, by)).state, 'dropped')
    assert.equal(score(), 5)
    await assert.rejects(room.relying.decide(id, true, by), { code: 'report_not_disputed' })
    await room.restart()
    assert.equal(score(), 5)
    room.clock.advance(1)
    const again = await says(9)
    assert.deepEqual([again.counted, again.trust.samples], [true, 1])
    assert.notEqual(again.id, id)
    assert.deepEqual(
      (await room.relying.trustHistory(agent)).map(({ state }) => state),
      ['dropped', 'counted'],
    )
  })

  test('takes another report after the 24 hours of a disputed one, and a dispute of what replaced a kept one', async () => {
    const { id } = await says(0)
    await room.relying.dispute(id, by)
    room.clock.advance(DAY_MS)
    const next = await says(1)
    assert.deepEqual([next.counted, next.trust.samples], [true, 1])
    await room.relying.decide(id, true, by)
    assert.equal(room.relying.trustOf(agent).samples, 2)
    await room.relying.dispute(next.id, by)
    await room.relying.decide(next.id, true, by)
    await says(2)
    assert.equal((await room.relying.dispute(next.id, by)).state, 'disputed')
    const others = room.agent('other').id
    const plain = await says(3, { of: others })
    await assert.rejects(room.relying.decide(plain.id, false, by), { code: 'report_not_disputed' })
    await assert.rejects(room.relying.dispute('rpt_none', by), { code: 'report_unknown' })
  })

  test('forgets what a removed service said, and keeps it in the history', async () => {
    await says(0)
    assert.ok(score() < 5)
    await room.relying.remove('shop', by)
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual([score(), room.relying.trustOf(agent).samples], [5, 0])
      const [report] = await room.relying.trustHistory(agent)
      assert.deepEqual([report?.serviceName, report?.reason], ['shop', 'because'])
      await room.restart()
    }
    const again = await room.service('shop', 'acme')
    assert.equal((await says(0, { from: again })).trust.score, 4.9) // a new service weighs 0.1
  })

  test('records every change, the score as text and the reason as a commitment', async () => {
    await says(7.5, { reason: 'fast and polite' })
    const { record } = room.changes.at(-1)!
    const { what, score: told, scoreBefore, reason, agent: about } = record.ev
    assert.deepEqual(
      [record.type, record.actor?.kind, what, told, scoreBefore, about],
      ['auth', 'service', 'trust.reported', '7.5', '5.0', agent],
    )
    assert.equal(JSON.stringify(record).includes('polite'), false)
    const [{ reason_salt: salt } = {}] = room.database.look('select reason_salt from trust_reports')
    const parts = [Buffer.from('claviger/audit-field/v1\0'), salt as Uint8Array, Buffer.from('fast and polite')]
    assert.equal(reason, createHash('sha256').update(Buffer.concat(parts)).digest('base64url'))
    const { id } = (await room.relying.trustHistory(agent))[0]!
    await says(8)
    await room.relying.dispute(id, by)
    await room.relying.decide(id, false, by)
    assert.deepEqual(
      room.changes.slice(-3).map(({ record }) => record.ev.what),
      ['trust.replaced', 'trust.disputed', 'trust.dropped'],
    )
  })

  test('tells when an agent comes into another band', async () => {
    await says(9)
    assert.equal(room.bands.length, 0)
    const from = await room.service('globex', 'globex')
    const { id } = await says(0, { from })
    assert.equal(room.bands.length, 0)
    const others = await Promise.all(['a', 'b', 'c'].map((name) => room.service(name, name)))
    room.clock.advance(90 * DAY_MS)
    const target = room.agent('target').id
    for (const other of others) await says(0, { from: other, of: target })
    assert.deepEqual(
      room.bands.map((change) => [change.agent === target, change.from, change.to]),
      [[true, 'Neutral', 'Low Trust']],
    )
    assert.notEqual(room.bands[0]?.report, id)
  })

  test('in other hands: an edited report does not count, a deleted one is found', async () => {
    await says(0)
    await room.restart("update trust_reports set score = '10'")
    assert.deepEqual([score(), room.bad.length], [5, 1])
    await room.restart("update trust_reports set score = '0'")
    assert.ok(score() < 5)
    await room.restart('delete from trust_reports')
    assert.equal(await room.storage.checkRows(), 'tampered')
  })
})

const toOne = (value: number) => Math.round(value * 10) / 10
