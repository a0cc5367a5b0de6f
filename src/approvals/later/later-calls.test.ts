import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { AgentId, CallId } from '../../ground/ids.ts'
import { TestApprovals, VERDICT } from '../approvals.support.ts'
import type { Approval } from '../contract.ts'

const DAY_MS = 24 * 3_600_000
const by = { kind: 'agent', id: 'agent_1', key: 'tok_1' } as const
const rid = 'call_1' as CallId
const anAnswer = (text: string) => ({ status: 200, headers: ['x-a', '1', 'x-a', '2'], body: Buffer.from(text) })
const folder = ({ spoolDir }: TestApprovals) => join(spoolDir, 'answers')
const stateOf = ({ approvals }: TestApprovals, { id }: Approval) => approvals.find(id).later?.state

/** Approved, and marked to be sent. */
async function due(room: TestApprovals, path = '/pay/7', agent?: AgentId): Promise<Approval> {
  const approval = await room.ask({ path, ...(agent !== undefined && { agent: { id: agent, name: 'robot' } }) })
  await room.approvals.later.ask(approval.id, 'tok_1', by)
  return room.approvals.decide(approval.id, 'approved', VERDICT)
}

async function sent(room: TestApprovals, path?: string): Promise<Approval> {
  const approval = await due(room, path)
  assert.ok(await room.approvals.consume(approval.id, approval.digest, rid, by, true))
  return approval
}

describe('a call that is sent later', () => {
  test('is due once it is marked and approved, and while the yes is good', async () => {
    await using room = await new TestApprovals().start()
    const { later } = room.approvals
    const approval = await room.ask()
    await later.ask(approval.id, 'tok_1', by)
    assert.deepEqual(later.due(), [])
    await room.approvals.decide(approval.id, 'approved', VERDICT)
    assert.deepEqual(
      later.due().map(({ id }) => id),
      [approval.id],
    )
    await room.restart()
    assert.equal(room.approvals.later.due().length, 1, 'over a restart, too')
    room.clock.advance(900_001)
    assert.deepEqual(room.approvals.later.due(), [])
    assert.ok(room.heard.includes(`send_asked ${approval.id}`))
  })

  test('is marked no more after a no, and marked once', async () => {
    await using room = await new TestApprovals().start()
    const marked = await due(room, '/pay/8')
    const again = await room.approvals.later.ask(marked.id, 'tok_2', by)
    assert.equal(again.later?.token, 'tok_1')
    const denied = await room.ask()
    await room.approvals.decide(denied.id, 'denied', VERDICT)
    const { later } = await room.approvals.later.ask(denied.id, 'tok_1', by)
    assert.equal(later, undefined)
  })

  test('is on disk as being sent with the use of the yes, and so taken once', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await due(room)
    const take = () => room.approvals.consume(id, digest, rid, by, true)
    assert.deepEqual((await Promise.all([take(), take(), take()])).filter(Boolean), [true])
    await room.restart()
    const { status, later } = room.approvals.find(id)
    assert.deepEqual([status, later?.state, later?.rid], ['consumed', 'sending', rid])
    assert.deepEqual(room.approvals.later.due(), [])
    const unmarked = await room.ask({ path: '/pay/8' })
    await room.approvals.decide(unmarked.id, 'approved', VERDICT)
    assert.equal(await room.approvals.consume(unmarked.id, unmarked.digest, rid, by, true), false)
  })

  test('of a yes for many uses is sent once all the same', async () => {
    await using room = await new TestApprovals().start()
    const asked = await room.ask({ terms: { assurance: 'tap', lifeSeconds: 900, uses: 3 } })
    await room.approvals.later.ask(asked.id, 'tok_1', by)
    await room.approvals.decide(asked.id, 'approved', VERDICT)
    assert.ok(await room.approvals.consume(asked.id, asked.digest, rid, by, true))
    assert.equal(room.approvals.find(asked.id).status, 'approved')
    assert.deepEqual(room.approvals.later.due(), [])
    assert.equal(await room.approvals.consume(asked.id, asked.digest, rid, by, true), false)
  })

  for (const [recorded, state, code] of [
    [true, 'failed', 'outcome_unknown'],
    [false, 'not_sent', 'send_lost'],
  ] as const) {
    test(`that a crash cut is not sent again: intent ${recorded ? 'there' : 'missing'}`, async () => {
      await using room = await new TestApprovals().start()
      const approval = await sent(room)
      await room.restart()
      await room.approvals.settle(async (rids) => new Set(recorded ? rids : []))
      const { later } = room.approvals.find(approval.id)
      assert.deepEqual([later?.state, later?.code], [state, code])
      await assert.rejects(room.approvals.later.answerOf(room.approvals.find(approval.id)), { code: 'answer_none' })
      assert.deepEqual(room.approvals.later.due(), [])
    })
  }

  test('says why it was not sent, or failed, and the first reason stays', async () => {
    await using room = await new TestApprovals().start()
    const [untouched, begun] = [await due(room), await sent(room, '/pay/8')]
    for (const { id } of [untouched, begun]) await room.approvals.later.over(id, 'upstream_unreachable')
    assert.equal(stateOf(room, untouched), 'not_sent')
    assert.equal(stateOf(room, begun), 'failed')
    await room.approvals.later.over(begun.id, 'call_ended')
    assert.equal(room.approvals.find(begun.id).later?.code, 'upstream_unreachable')
  })
})

describe('the answer', () => {
  test('is kept sealed, and there after a restart', async () => {
    await using room = await new TestApprovals().start()
    const approval = await sent(room)
    await assert.rejects(room.approvals.later.answerOf(room.approvals.find(approval.id)), { code: 'answer_not_yet' })
    await room.approvals.later.keep(approval.id, anAnswer('between us'))
    const file = readFileSync(join(folder(room), approval.id))
    assert.ok(!file.includes('between us') && !file.includes('x-a'))
    await room.restart()
    const { status, headers, body } = await room.approvals.later.answerOf(room.approvals.find(approval.id))
    assert.deepEqual([status, headers, body.toString()], [200, ['x-a', '1', 'x-a', '2'], 'between us'])
  })

  test('does not open where the file was changed, cut, or is the body’s', async () => {
    await using room = await new TestApprovals().start()
    const approval = await sent(room)
    await room.approvals.later.keep(approval.id, anAnswer('between us'))
    const path = join(folder(room), approval.id)
    const file = readFileSync(path)
    const flipped = Buffer.from(file)
    flipped[20] = (flipped[20] as number) ^ 1
    for (const other of [flipped, file.subarray(0, -1), Buffer.alloc(0)]) {
      writeFileSync(path, other)
      await assert.rejects(room.approvals.later.answerOf(room.approvals.find(approval.id)), {
        code: 'answer_forgotten',
      })
    }
    writeFileSync(path, file)
    assert.equal((await room.approvals.later.answerOf(room.approvals.find(approval.id))).status, 200)
  })

  test('is forgotten after a day, and its file with it', async () => {
    await using room = await new TestApprovals().start()
    const approval = await sent(room)
    await room.approvals.later.keep(approval.id, anAnswer('a'))
    room.clock.advance(DAY_MS)
    await room.approvals.sweep()
    assert.equal(stateOf(room, approval), 'answered')
    room.clock.advance(1)
    await room.approvals.sweep()
    assert.equal(stateOf(room, approval), 'forgotten')
    assert.deepEqual(readdirSync(folder(room)), [])
    await assert.rejects(room.approvals.later.answerOf(room.approvals.find(approval.id)), { code: 'answer_forgotten' })
  })

  test('is one of the newest 32 of its agent, or gone', async () => {
    await using room = await new TestApprovals().start()
    const all: Approval[] = []
    for (let at = 0; at < 34; at += 1) {
      all.push(await sent(room, `/pay/${at}`))
      await room.approvals.later.keep((all[at] as Approval).id, anAnswer(`${at}`))
      // An agent may ask twenty times an hour.
      room.clock.advance(200_000)
    }
    assert.deepEqual(
      all.map((one) => stateOf(room, one)),
      all.map((_, at) => (at < 2 ? 'forgotten' : 'answered')),
    )
    assert.equal(readdirSync(folder(room)).length, 32)
  })

  test('leaves no file behind that nobody knows', async () => {
    await using room = await new TestApprovals().start()
    const approval = await sent(room)
    await room.approvals.later.keep(approval.id, anAnswer('a'))
    writeFileSync(join(folder(room), `apr_${'0'.repeat(22)}`), 'left behind')
    await room.restart()
    assert.deepEqual(readdirSync(folder(room)), [approval.id])
  })

  test('is there for calls alone that were sent', async () => {
    await using room = await new TestApprovals().start()
    const approval = await room.ask()
    const answer = () => room.approvals.later.answerOf(room.approvals.find(approval.id))
    await assert.rejects(answer(), { code: 'answer_none' })
    await room.approvals.later.ask(approval.id, 'tok_1', by)
    await assert.rejects(answer(), { code: 'answer_not_yet' })
    await room.approvals.cancel(approval.id, by)
    await assert.rejects(answer(), { code: 'answer_none' })
  })
})
