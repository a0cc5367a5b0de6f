import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { until } from '../../test/instruments/wait.ts'
import { type CallId, newId, type OperatorId } from '../ground/ids.ts'
import { TestApprovals, VERDICT } from './approvals.support.ts'

const by = { kind: 'agent', id: 'agent_1' } as const
const rid = () => newId('call') as CallId
const terms = (over: object) => ({ terms: { assurance: 'passkey', lifeSeconds: 900, uses: 1, ...over } as never })
const another = { ...VERDICT, operator: 'op_2' as OperatorId, name: 'bob' }

describe('an approval', () => {
  test('is one for identical actions, however many ask at once', async () => {
    await using room = await new TestApprovals().start()
    const asked = await Promise.all(Array.from({ length: 50 }, () => room.ask()))
    assert.equal(new Set(asked.map(({ id }) => id)).size, 1)
    assert.equal((await room.ask({ path: '/v1/other' })).id === asked[0]?.id, false)
  })

  test('is used once, whoever races for it (G-02)', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask()
    assert.equal(await room.approvals.consume(id, digest, rid(), by), false, 'nobody said yes')
    await room.approvals.decide(id, 'approved', VERDICT)
    const taken = await Promise.all(Array.from({ length: 64 }, () => room.approvals.consume(id, digest, rid(), by)))
    assert.equal(taken.filter((one) => one).length, 1)
    await room.restart()
    assert.equal(await room.approvals.consume(id, digest, rid(), by), false)
    assert.equal(room.approvals.find(id).status, 'consumed')
  })

  test('that is taken is told at its commit, and is not used where it does not come on record', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask(terms({ uses: 2 }))
    await room.approvals.decide(id, 'approved', VERDICT)
    const log = Promise.withResolvers<number>()
    room.storage.recordWith(() => log.promise)
    const taken = await room.approvals.take(id, { digest, rid: rid(), forAgent: false }, by)
    assert.equal(room.approvals.find(id).used, 1, 'before its record is durable')
    const second = assert.rejects(room.approvals.consume(id, digest, rid(), by), /the log is full/)
    log.reject(new Error('the log is full'))
    await assert.rejects(taken?.recorded ?? Promise.resolve(), /the log is full/)
    await second
    assert.equal(
      await room.approvals.take(id, { digest, rid: rid(), forAgent: false }, by),
      undefined,
      'not given back',
    )
  })

  test('is good for its digest alone, and as often as was shown', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask(terms({ uses: 3 }))
    await room.approvals.decide(id, 'approved', VERDICT)
    assert.equal(await room.approvals.consume(id, digest.replace(/^./, 'f'), rid(), by), digest.startsWith('f'))
    for (const good of [true, true, true, false]) {
      assert.equal(await room.approvals.consume(id, digest, rid(), by), good)
    }
  })

  test('that nobody answers in time is a no, also over a restart', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask()
    const waiting = room.approvals.settled(id, 60_000)
    room.clock.advance(900_001)
    await assert.rejects(room.approvals.decide(id, 'approved', VERDICT), { code: 'approval_expired' })
    await room.approvals.sweep()
    assert.equal((await waiting).status, 'expired')
    await room.restart()
    assert.equal(room.approvals.find(id).status, 'expired')
    assert.equal(await room.approvals.consume(id, digest, rid(), by), false)
    assert.notEqual((await room.ask()).id, id, 'and may be asked anew')
  })

  test('that was given and not used in its life is over', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask()
    await room.approvals.decide(id, 'approved', VERDICT)
    room.clock.advance(900_001)
    assert.equal(await room.approvals.consume(id, digest, rid(), by), false)
  })

  test('is answered once', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask()
    const answers = await Promise.allSettled(
      ['approved', 'denied', 'approved'].map((verdict) => room.approvals.decide(id, verdict as 'denied', VERDICT)),
    )
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1)
    await assert.rejects(room.approvals.decide(id, 'denied', another), { code: 'approval_already_decided' })
    await assert.rejects(room.approvals.decide('apr_none', 'denied', VERDICT), { code: 'approval_unknown' })
  })

  for (const [assurance, given, code] of [
    ['passkey', 'tap', 'approval_too_weak'],
    ['passkey', 'push', 'approval_too_weak'],
    ['push', 'tap', 'approval_too_weak'],
    ['two-people', 'push', 'approval_too_weak'],
    ['tap', 'tap', undefined],
    ['push', 'passkey', undefined],
  ] as const) {
    test(`that wants ${assurance} takes a yes by ${given}: ${code ?? 'yes'}; any may deny (G-06)`, async () => {
      await using room = await new TestApprovals().start()
      const { id } = await room.ask(terms({ assurance }))
      const yes = room.approvals.decide(id, 'approved', { ...VERDICT, assurance: given })
      if (code === undefined) assert.equal((await yes).status, 'approved')
      else {
        await assert.rejects(yes, { code })
        assert.equal((await room.approvals.decide(id, 'denied', { ...VERDICT, assurance: given })).status, 'denied')
      }
    })
  }

  test('that wants two people wants two, and one no is enough (CG-09, G-09)', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask(terms({ assurance: 'two-people' }))
    assert.equal((await room.approvals.decide(id, 'approved', VERDICT)).status, 'pending')
    await assert.rejects(room.approvals.decide(id, 'approved', VERDICT), { code: 'approval_same_person' })
    assert.equal(await room.approvals.consume(id, digest, rid(), by), false)
    assert.equal((await room.approvals.decide(id, 'approved', another)).status, 'approved')
    const second = await room.ask({ ...terms({ assurance: 'two-people' }), path: '/b' })
    await room.approvals.decide(second.id, 'approved', VERDICT)
    assert.equal((await room.approvals.decide(second.id, 'denied', VERDICT)).status, 'denied')
  })

  test('that was taken back cannot be approved (CG-10)', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask()
    const waiting = room.approvals.settled(id, 60_000)
    await room.approvals.cancel(id, by)
    assert.equal((await waiting).status, 'cancelled')
    await assert.rejects(room.approvals.decide(id, 'approved', VERDICT), { code: 'approval_already_decided' })
    await assert.rejects(room.approvals.cancel(id, by), { code: 'approval_already_decided' })
  })

  for (const edit of [
    `UPDATE approvals SET status = 'approved'`,
    `UPDATE approvals SET digest = '${'0'.repeat(64)}'`,
    'UPDATE approvals SET expires_at = expires_at + 1',
    'UPDATE approvals SET used = 0, status = 0',
  ]) {
    test(`that other hands edited counts for nothing: ${edit}`, async () => {
      await using room = await new TestApprovals().start()
      const { id } = await room.ask()
      await room.restart(edit)
      assert.deepEqual(room.bad, [id])
      assert.throws(() => room.approvals.find(id), { code: 'approval_unknown' })
      await assert.rejects(room.approvals.decide(id, 'approved', VERDICT), { code: 'row_tampered' })
    })
  }

  test('that was used and is in no record is said to be lost, once, and not given back', async () => {
    await using room = await new TestApprovals().start()
    const [known, lost] = [await room.ask(terms({ uses: 2 })), await room.ask({ path: '/b', ...terms({ uses: 2 }) })]
    const rids = [rid(), rid()]
    for (const [at, { id, digest }] of [known, lost].entries()) {
      await room.approvals.decide(id, 'approved', VERDICT)
      assert.ok(await room.approvals.consume(id, digest, rids[at] as CallId, by))
    }
    await room.restart()
    const recorded = async () => new Set([rids[0] as string])
    assert.equal(await room.approvals.settle(recorded), 1)
    assert.equal(room.approvals.find(lost.id).used, 1)
    await room.restart()
    assert.equal(await room.approvals.settle(recorded), 0)
  })
})

describe('the body of a call that waits', () => {
  const body = Buffer.from('{"amount":4200,"note":"a body that must not lie about in plain"}')

  test('is given back whole, and lies on the disk sealed, until it is answered', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask({}, body)
    const [name = ''] = readdirSync(room.spoolDir)
    assert.ok(!readFileSync(join(room.spoolDir, name)).includes('amount'))
    await room.restart()
    assert.deepEqual(await room.approvals.bodyOf(id), body)
    await room.approvals.decide(id, 'denied', VERDICT)
    await until(() => readdirSync(room.spoolDir).length === 0)
    await assert.rejects(room.approvals.bodyOf(id), { code: 'approval_body_lost' })
  })

  test('that was changed, cut or exchanged is not shown', async () => {
    await using room = await new TestApprovals().start()
    const [one, other] = [await room.ask({}, body), await room.ask({ path: '/b' }, Buffer.from('another'))]
    const file = join(room.spoolDir, one.id)
    const good = readFileSync(file)
    for (const bad of [
      good.subarray(0, -1),
      Buffer.concat([good, good]),
      readFileSync(join(room.spoolDir, other.id)),
    ]) {
      writeFileSync(file, bad)
      await assert.rejects(room.approvals.bodyOf(one.id), { code: 'approval_body_lost' })
    }
  })

  test('that nobody waits for is swept away at the start', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask({}, body)
    writeFileSync(join(room.spoolDir, newId('apr')), 'left by a crash')
    await room.restart()
    assert.deepEqual(readdirSync(room.spoolDir), [id])
  })
})

describe('asking again and again (G-07)', () => {
  test('makes three pending at most, a thousand at once too', async () => {
    await using room = await new TestApprovals().start()
    const asks = Array.from({ length: 1_000 }, (_, at) => room.ask({ path: `/n/${at}` }))
    const settled = await Promise.allSettled(asks)
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 3)
    for (const one of settled) if (one.status === 'rejected') assert.equal(one.reason.code, 'approvals_crowded')
    assert.equal(room.heard.filter((what) => what.startsWith('opened')).length, 3)
  })

  test('makes twenty an hour at most', async () => {
    await using room = await new TestApprovals().start()
    for (let at = 0; at < 20; at += 1) await room.approvals.cancel((await room.ask({ path: `/n/${at}` })).id, by)
    await assert.rejects(room.ask({ path: '/more' }), { code: 'approvals_crowded' })
    room.clock.advance(3_600_000)
    await room.ask({ path: '/more' })
  })

  test('gets a denied action denied for a day without asking anybody', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask()
    await room.approvals.decide(id, 'denied', VERDICT)
    room.clock.advance(3_600_000)
    for (let at = 0; at < 100; at += 1) assert.equal((await room.ask()).id, id)
    assert.equal(room.heard.filter((what) => what.startsWith('opened')).length, 1)
    room.clock.advance(24 * 3_600_000)
    assert.notEqual((await room.ask()).id, id)
  })

  test('must wait after a denial, twice as long after each, until a yes', async () => {
    await using room = await new TestApprovals().start()
    for (const waitMs of [30_000, 60_000, 120_000]) {
      const { id } = await room.ask({ path: `/after/${waitMs}` })
      await room.approvals.decide(id, 'denied', VERDICT)
      room.clock.advance(waitMs - 1)
      await assert.rejects(room.ask({ path: '/soon' }), { code: 'approvals_cooling_down' })
      room.clock.advance(1)
    }
    const { id } = await room.ask({ path: '/good' })
    await room.approvals.decide(id, 'approved', VERDICT)
    await room.ask({ path: '/at once' })
  })
})
