import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CallId, newId, type OperatorId } from '../../ground/ids.ts'
import type { Assurance } from '../../policy/assurance.ts'
import { actionDigest, type CallAction } from '../action.ts'
import { aCallAction, TestApprovals, VERDICT } from '../approvals.support.ts'
import type { Approval, VerdictBy } from '../contract.ts'
import { ApprovalFeed } from '../feed.ts'
import { useReceipt, verifyReceipt } from '../receipts/verify-receipt.ts'

const by = { kind: 'agent', id: 'agent_1' } as const
const rid = () => newId('call') as CallId
const bounds = { maxSeconds: 3_600, maxUses: 3 }
const bob: VerdictBy = { ...VERDICT, operator: 'op_2' as OperatorId, name: 'bob' }
const pay = (order: number, over: Partial<CallAction> = {}) => aCallAction({ path: `/v1/orders/${order}/pay`, ...over })
const wanting = (assurance: Assurance) => ({ terms: { assurance, lifeSeconds: 900, uses: 1 } })

const asked = (room: TestApprovals, action = pay(7)) => room.approvals.ask({ action, token: 'tok_1', window: bounds })
const offeredBy = ({ offer }: Approval) => actionDigest(offer as NonNullable<Approval['offer']>)
const take = (room: TestApprovals, action: CallAction) => room.approvals.windows.take(action, { rid: rid(), by })

/** A window that ann opened with the call for order 7. */
async function opened(room: TestApprovals, over: Partial<CallAction> = {}): Promise<Approval> {
  const call = await asked(room, pay(7, over))
  return room.approvals.decide(call.id, 'approved', { ...VERDICT, window: offeredBy(call) })
}

describe('a trust window', () => {
  test('lets the first call out, and then as many of its form as were shown', async () => {
    await using room = await new TestApprovals().start()
    const call = await opened(room)
    assert.equal(call.status, 'approved')
    const [window] = room.approvals.windows.open()
    assert.ok(window)
    assert.equal(await take(room, pay(7)), undefined, 'that one has a yes of its own')
    assert.ok(await room.approvals.consume(call.id, call.digest, rid(), by))
    assert.equal(await take(room, pay(8, { action: 'order.refund' })), undefined)
    for (const order of [8, 9, 10]) assert.equal((await take(room, pay(order)))?.id, window.id)
    assert.equal(await take(room, pay(11)), undefined)
    assert.deepEqual(room.approvals.windows.open(), [])
    assert.equal(room.approvals.windows.find(window.id).status, 'consumed')
  })

  test('is offered where the rules give one, and opened by its own digest alone', async () => {
    await using room = await new TestApprovals().start()
    const [with_, without] = [await asked(room), await room.ask({ path: '/v1/orders/8/pay' })]
    assert.equal(without.offer, undefined)
    const digests = [offeredBy(with_).replace(/^./, (one) => (one === '0' ? '1' : '0')), with_.digest]
    for (const [{ id }, window] of [
      [without, offeredBy(with_)] as const,
      ...digests.map((one) => [with_, one] as const),
    ])
      await assert.rejects(room.approvals.decide(id, 'approved', { ...VERDICT, window }), {
        code: 'window_not_offered',
      })
    await room.approvals.decide(with_.id, 'approved', VERDICT)
    assert.deepEqual(room.approvals.windows.open(), [], 'a yes to the call is one to the call')
  })

  for (const [assurance, given, code] of [
    ['passkey', { assurance: 'tap', channel: 'cli' }, 'approval_too_weak'],
    ['push', { assurance: 'tap', channel: 'console' }, 'approval_too_weak'],
    ['tap', { assurance: 'tap', channel: 'telegram' }, 'window_not_offered'],
    ['passkey', { assurance: 'push', channel: 'push' }, 'approval_too_weak'],
    ['push', { assurance: 'push', channel: 'push' }, undefined],
    ['passkey', { assurance: 'passkey', channel: 'door' }, 'window_not_offered'],
    ['tap', { assurance: 'tap', channel: 'cli' }, undefined],
    ['passkey', { assurance: 'passkey', channel: 'console' }, undefined],
  ] as const) {
    test(`where ${assurance} is wanted, by ${given.assurance} in ${given.channel}: ${code ?? 'opened'} (G-06, G-09)`, async () => {
      await using room = await new TestApprovals().start()
      const call = await asked(room, pay(7, wanting(assurance)))
      const yes = room.approvals.decide(call.id, 'approved', { ...VERDICT, ...given, window: offeredBy(call) })
      if (code === undefined) await yes
      else await assert.rejects(yes, { code })
      assert.equal(room.approvals.windows.open().length, code === undefined ? 1 : 0)
      assert.equal(room.approvals.find(call.id).status, code === undefined ? 'approved' : 'pending')
    })
  }

  test('that two people must open wants both, each for the window', async () => {
    await using room = await new TestApprovals().start()
    const two = wanting('two-people')
    const call = await asked(room, pay(7, two))
    const window = offeredBy(call)
    assert.equal((await room.approvals.decide(call.id, 'approved', { ...VERDICT, window })).status, 'pending')
    assert.deepEqual(room.approvals.windows.open(), [])
    await room.approvals.decide(call.id, 'approved', bob)
    assert.deepEqual(room.approvals.windows.open(), [], 'bob said yes to the call')
    const other = await asked(room, pay(8, two))
    await room.approvals.decide(other.id, 'approved', bob)
    const late = { ...VERDICT, window: offeredBy(other) }
    await assert.rejects(room.approvals.decide(other.id, 'approved', late), { code: 'window_not_offered' })
    await room.approvals.decide(other.id, 'denied', VERDICT)
    room.clock.advance(60_000)
    const third = await asked(room, pay(9, two))
    for (const who of [VERDICT, bob])
      await room.approvals.decide(third.id, 'approved', { ...who, window: offeredBy(third) })
    assert.equal(room.approvals.windows.open().length, 1)
  })

  test('that is denied leaves the call as it was, and is not offered again', async () => {
    await using room = await new TestApprovals().start()
    const call = await asked(room)
    const window = offeredBy(call)
    await room.approvals.decide(call.id, 'denied', { ...VERDICT, window })
    assert.equal(room.approvals.find(call.id).status, 'pending')
    await assert.rejects(room.approvals.decide(call.id, 'approved', { ...bob, window }), { code: 'window_not_offered' })
    assert.equal((await room.approvals.decide(call.id, 'approved', VERDICT)).status, 'approved')
    assert.deepEqual(room.approvals.windows.open(), [])
  })

  test('ends at its time, also over a restart', async () => {
    await using room = await new TestApprovals().start()
    await opened(room)
    const [window] = room.approvals.windows.open()
    room.clock.advance(3_599_999)
    await room.restart()
    assert.ok(await take(room, pay(8)))
    room.clock.advance(1)
    assert.equal(await take(room, pay(9)), undefined)
    assert.deepEqual(room.approvals.windows.open(), [])
    await room.approvals.sweep()
    assert.equal(room.approvals.find(window?.id as string).status, 'expired')
  })

  test('ends when somebody ends it, and when everything is withdrawn', async () => {
    await using room = await new TestApprovals().start()
    await opened(room)
    const [window] = room.approvals.windows.open()
    const id = window?.id as string
    const ended = await room.approvals.windows.end(id, { kind: 'operator', id: 'op_1' })
    assert.equal(ended.status, 'cancelled')
    assert.equal(await take(room, pay(8)), undefined)
    await assert.rejects(room.approvals.windows.end(id, by), { code: 'window_unknown' })
    await opened(room, { path: '/v1/orders/70/pay' })
    await assert.rejects(room.approvals.windows.end(room.approvals.list()[0]?.id as string, by), {
      code: 'window_unknown',
    })
    await room.approvals.withdrawAll(by)
    assert.equal(await take(room, pay(8)), undefined)
  })

  test('gives no use more than shown, whoever races for them and over restarts (G-02)', async () => {
    await using room = await new TestApprovals().start()
    await opened(room)
    const race = async (from: number) => {
      const taken = await Promise.all(Array.from({ length: 24 }, (_, at) => take(room, pay(from + at))))
      return taken.filter((one) => one !== undefined).length
    }
    assert.ok(await take(room, pay(8)))
    await room.restart()
    assert.equal(await race(100), 2)
    await room.restart()
    assert.equal(await race(200), 0)
  })

  test('does not beat a no to exactly this call, and spares the answer to one that waits', async () => {
    await using room = await new TestApprovals().start()
    const no = await asked(room, pay(66))
    await room.approvals.decide(no.id, 'denied', VERDICT)
    room.clock.advance(60_000)
    const waits = await asked(room, pay(67))
    const answer = room.approvals.settled(waits.id, 60_000)
    await opened(room)
    assert.equal((await answer).status, 'pending', 'it is told to look again')
    assert.equal(await take(room, pay(66)), undefined)
    assert.ok(await take(room, pay(67)))
    assert.equal(room.approvals.find(waits.id).status, 'cancelled')
  })

  test('asks for nothing of its agent’s right to ask, and no receipt uses it up', async () => {
    await using room = await new TestApprovals().start()
    const call = await opened(room)
    const [window] = room.approvals.windows.open()
    const { receipt = '', id = '', digest = '' } = window ?? {}
    const needs = { approvals: room.approvals, agentStands: () => true }
    const verify = (consume: boolean) => verifyReceipt({ receipt, consume }, needs)
    const seen = await verify(false)
    assert.deepEqual([seen.valid, seen.claims?.kind, seen.claims?.uses], [true, 'window', 3])
    assert.equal((await verify(true)).error, 'caller_wanted')
    assert.equal((await useReceipt({ receipt }, by, undefined, needs)).error, 'wrong_action')
    assert.equal(await room.approvals.consume(id, digest, rid(), by), false)
    assert.equal(room.approvals.windows.find(id).used, 0)
    const first = await verifyReceipt({ receipt: call.receipt ?? '', consume: false }, needs)
    assert.equal(first.claims?.window, id)
    assert.equal(seen.claims?.window, undefined)
  })

  test('is told to operators as it changes, and to no agent', async () => {
    await using room = await new TestApprovals().start()
    const feed = new ApprovalFeed(room.approvals)
    const { agent } = await opened(room)
    const [window] = room.approvals.windows.open()
    const id = window?.id as string
    const [operators, agents]: string[][] = [[], []]
    feed.forOperators().follow((frame) => operators?.push(frame))
    feed.forAgent(agent).follow((frame) => agents?.push(frame))
    assert.ok(!feed.forAgent(agent).first().includes(id))
    await take(room, pay(8))
    await room.approvals.windows.end(id, by)
    await opened(room, { path: '/v1/orders/9/pay' })
    const events = operators?.flatMap((frame) =>
      frame.includes('"kind":"window"') ? [/event: (\w+)/.exec(frame)?.[1]] : [],
    )
    assert.deepEqual(events, ['consumed', 'cancelled', 'approved'])
    const windows = room.approvals.list().filter(({ action }) => action.kind === 'window')
    assert.ok(agents?.every((frame) => windows.every((one) => !frame.includes(one.id))))
    assert.equal(agents?.length, 2, 'that it asked, and was answered')
  })

  for (const edit of [
    `UPDATE approvals SET used = 0 WHERE used > 0`,
    `UPDATE approvals SET expires_at = expires_at + 1 WHERE offer IS NULL`,
    `UPDATE approvals SET action = replace(action, 'order.pay', 'order.all') WHERE offer IS NULL`,
  ]) {
    test(`that other hands edited counts for nothing: ${edit}`, async () => {
      await using room = await new TestApprovals().start()
      await opened(room)
      assert.ok(await take(room, pay(8)))
      const [window] = room.approvals.windows.open()
      await room.restart(edit)
      assert.deepEqual(room.bad, [window?.id])
      assert.equal(await take(room, pay(9)), undefined)
    })
  }
})
