import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readPublicKey } from '../../crypto/p256.ts'
import { canonicalJson } from '../../ground/canonical-json.ts'
import type { OperatorId } from '../../ground/ids.ts'
import { jcs } from '../../ground/jcs.ts'
import { actionDigest } from '../action.ts'
import { TestApprovals, VERDICT } from '../approvals.support.ts'
import { payloadHash } from '../stated/payload-hash.ts'
import { faultOf, readReceipt } from './read-receipt.ts'
import { type VerifyNeeds, verifyReceipt } from './verify-receipt.ts'

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../../vectors/receipts.json'), 'utf8'))
const by = { kind: 'operator', id: 'op_1' } as const
const needs = ({ approvals }: TestApprovals, stands = true): VerifyNeeds => ({ approvals, agentStands: () => stands })
const ask = (receipt: string, more: object = {}) => ({ receipt, consume: false, ...more })

async function yes(room: TestApprovals, over: object = {}) {
  const { id } = await room.ask(over)
  const { receipt = '', digest } = await room.approvals.decide(id, 'approved', VERDICT)
  return { id, receipt, digest }
}

describe('a receipt', () => {
  test('says who said yes to what, and its signature holds by the published keys', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask()
    const assertion = {
      credentialId: 'Y3Jl',
      sha256: 'ab'.repeat(32),
      clientDataJSON: '',
      authenticatorData: '',
      signature: '',
    }
    const { receipt = '', digest, expiresAt } = await room.approvals.decide(id, 'approved', { ...VERDICT, assertion })
    const [jwk] = room.approvals.receiptKeys.jwks().keys
    const read = readReceipt(receipt, () => readPublicKey({ ...jwk }).key)
    assert.ok('claims' in read)
    const { claims } = read
    assert.deepEqual(
      [claims.approval, claims.digest, claims.verdict, claims.exp, claims.uses, claims.kind, claims.agent.name],
      [id, digest, 'approved', Math.floor(expiresAt / 1_000), 1, 'call', 'robot'],
    )
    assert.deepEqual(claims.assertions, [{ credentialId: 'Y3Jl', sha256: 'ab'.repeat(32) }])
    assert.deepEqual(
      claims.approvers.map(({ name, assurance }) => [name, assurance]),
      [['ann', 'passkey']],
    )
  })

  test('is the same text for ever, also over a restart and a rotation of its key', async () => {
    await using room = await new TestApprovals().start()
    const { id, receipt } = await yes(room)
    await room.approvals.receiptKeys.rotate(by)
    await room.restart()
    assert.equal(room.approvals.find(id).receipt, receipt)
    assert.deepEqual(
      room.approvals.receiptKeys.list().map(({ status }) => status),
      ['retired', 'active'],
    )
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).valid, true)
    assert.equal(room.database.look('select sealed from receipt_keys where retired_at is not null')[0]?.sealed, null)
  })

  test('of a no is one, and stands for no yes', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask()
    const { receipt = '' } = await room.approvals.decide(id, 'denied', VERDICT)
    assert.deepEqual(await verifyReceipt(ask(receipt), needs(room)), { valid: false, error: 'denied' })
  })

  test('of two people names both, and is not there after the first', async () => {
    await using room = await new TestApprovals().start()
    const { id } = await room.ask({ terms: { assurance: 'two-people', lifeSeconds: 900, uses: 1 } })
    assert.equal((await room.approvals.decide(id, 'approved', VERDICT)).receipt, undefined)
    const second = { ...VERDICT, operator: 'op_2' as OperatorId, name: 'bob' }
    const { receipt = '' } = await room.approvals.decide(id, 'approved', second)
    const { claims } = await verifyReceipt(ask(receipt), needs(room))
    assert.deepEqual(
      claims?.approvers.map(({ name }) => name),
      ['ann', 'bob'],
    )
  })

  test('is used once for each use, whoever races for it (CG-06)', async () => {
    await using room = await new TestApprovals().start()
    const { id, receipt } = await yes(room, { terms: { assurance: 'passkey', lifeSeconds: 900, uses: 3 } })
    const race = () => verifyReceipt(ask(receipt, { consume: true }), needs(room))
    const answers = await Promise.all(Array.from({ length: 32 }, race))
    assert.equal(answers.filter(({ valid }) => valid).length, 3)
    assert.deepEqual(new Set(answers.map(({ error }) => error)), new Set([undefined, 'consumed']))
    await room.restart()
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).error, 'consumed')
    assert.equal(await room.approvals.settle(async () => new Set()), 0, 'and is no call that was lost')
    assert.equal(room.approvals.find(id).used, 3)
  })

  const faults: readonly [string, (room: TestApprovals, id: string) => unknown, string][] = [
    ['ran out', (room) => room.clock.advance(900_001), 'expired'],
    ['was withdrawn', ({ approvals }, id) => approvals.withdraw(id, by), 'revoked'],
    ['fell with everything', ({ approvals }) => approvals.withdrawAll(by), 'revoked'],
  ]
  for (const [what, happen, error] of faults) {
    test(`whose yes ${what} is ${error}, and is not used`, async () => {
      await using room = await new TestApprovals().start()
      const { id, receipt, digest } = await yes(room)
      await happen(room, id)
      const asked = ask(receipt, { consume: true })
      assert.deepEqual(await verifyReceipt(asked, needs(room)), { valid: false, error })
      await room.restart()
      assert.deepEqual(await verifyReceipt(asked, needs(room)), { valid: false, error })
      assert.equal(await room.approvals.consume(id, digest, undefined, by), false)
    })
  }

  test('is for its action and agent, and for an agent that still stands', async () => {
    await using room = await new TestApprovals().start()
    const { receipt } = await yes(room)
    const say = async (more: object, stands = true) =>
      (await verifyReceipt(ask(receipt, { consume: true, ...more }), needs(room, stands))).error
    assert.equal(await say({ digest: '0'.repeat(64) }), 'wrong_action')
    assert.equal(await say({ payloadHash: '0'.repeat(64) }), 'wrong_action')
    assert.equal(await say({ agent: 'other' }), 'wrong_agent')
    assert.equal(await say({}, false), 'revoked')
    assert.equal(await say({ agent: 'robot' }), undefined)
  })

  test('by the right key with another text than the one that was made is refused', async () => {
    await using room = await new TestApprovals().start()
    const { receipt } = await yes(room)
    const { claims } = await verifyReceipt(ask(receipt), needs(room))
    assert.ok(claims)
    const forged = room.approvals.receiptKeys.make({ ...claims, uses: 1_000 })
    assert.equal((await verifyReceipt(ask(forged), needs(room))).error, 'bad_signature')
  })

  test('by a key whose row other hands edited counts for nothing, and a new key signs', async () => {
    await using room = await new TestApprovals().start()
    const { receipt } = await yes(room)
    await room.restart('UPDATE receipt_keys SET created_at = created_at + 1')
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).error, 'bad_signature')
    const { receipt: next } = await yes(room, { path: '/v1/other' })
    assert.equal((await verifyReceipt(ask(next), needs(room))).valid, true)
  })

  test('cannot be withdrawn before it is a yes, nor after it was used', async () => {
    await using room = await new TestApprovals().start()
    const { id, digest } = await room.ask()
    await assert.rejects(room.approvals.withdraw(id, by), { code: 'approval_not_standing' })
    await room.approvals.decide(id, 'approved', VERDICT)
    assert.equal(await room.approvals.consume(id, digest, undefined, by), true)
    await assert.rejects(room.approvals.withdraw(id, by), { code: 'approval_not_standing' })
  })
})

describe('the vectors of docs/protocol/receipt.md', () => {
  for (const { action, canonical, digest } of vectors.actions) {
    test(`action: ${action.kind}`, () => {
      assert.equal(canonicalJson(action), canonical)
      assert.equal(createHash('sha256').update(vectors.domain).update(canonical).digest('hex'), digest)
      assert.equal(actionDigest(action), digest)
    })
  }
  for (const { payload, canonical, sha256 } of vectors.payloads) {
    test(`payload: ${sha256}`, () => {
      assert.equal(jcs(payload), canonical)
      assert.equal(payloadHash(payload), sha256)
    })
  }
  const keys = new Map(vectors.keys.keys.map((jwk: { kid: string }) => [jwk.kid, readPublicKey({ ...jwk }).key]))
  for (const { name, receipt, claims, about = {}, error, now } of vectors.receipts) {
    test(`receipt: ${name}`, () => {
      const read = readReceipt(receipt, (kid) => keys.get(kid) as never)
      if ('error' in read) return assert.equal(read.error, error)
      const over = read.claims.exp !== undefined && now >= read.claims.exp ? 'expired' : undefined
      assert.equal(faultOf(read.claims, about) ?? over, error)
      if (claims !== undefined) assert.deepEqual(read.claims, claims)
    })
  }
})
