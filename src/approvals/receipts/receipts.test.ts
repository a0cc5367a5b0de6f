import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readPublicKey } from '../../crypto/p256.ts'
import { canonicalJson } from '../../ground/canonical-json.ts'
import type { AgentId, OperatorId } from '../../ground/ids.ts'
import { jcs } from '../../ground/jcs.ts'
import { type Action, actionDigest } from '../action.ts'
import { aCallAction, aStatement, TestApprovals, VERDICT } from '../approvals.support.ts'
import { payloadHash } from '../stated/payload-hash.ts'
import { faultOf, keysOfSet, readReceipt } from './read-receipt.ts'
import { useReceipt, type VerifyNeeds, verifyReceipt } from './verify-receipt.ts'

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../../vectors/receipts.json'), 'utf8'))
const by = { kind: 'operator', id: 'op_1' } as const
const needs = ({ approvals }: TestApprovals, stands = true): VerifyNeeds => ({ approvals, agentStands: () => stands })
const ask = (receipt: string, more: object = {}) => ({ receipt, consume: false, ...more })

async function yes(room: TestApprovals, action: Action = aCallAction()) {
  const { id } = await room.approvals.ask({ action, token: 'tok_1' })
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
    const read = readReceipt(receipt, () => ({ key: readPublicKey({ ...jwk }).key }))
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
    const { id, receipt } = await yes(room, aStatement({ terms: { assurance: 'passkey', lifeSeconds: 900, uses: 3 } }))
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
      const { id, receipt, digest } = await yes(room, aStatement())
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
    const { receipt } = await yes(room, aStatement())
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
    const { receipt: next } = await yes(room, aCallAction({ path: '/v1/other' }))
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

describe('the receipt of a call', () => {
  const operator = { kind: 'operator', id: 'op_1' } as const
  const agent = { kind: 'agent', id: aCallAction().agent.id } as const

  test('is looked at by anybody, and used by its own agent or an operator alone', async () => {
    await using room = await new TestApprovals().start()
    const { id, receipt } = await yes(room, aCallAction({ terms: { assurance: 'tap', lifeSeconds: 900, uses: 2 } }))
    const asked = { receipt }
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).valid, true)
    assert.equal((await verifyReceipt(ask(receipt, { consume: true }), needs(room))).error, 'caller_wanted')
    const other = await useReceipt(asked, { kind: 'agent', id: 'agent_2' }, 'agent_2' as AgentId, needs(room))
    assert.equal(other.error, 'wrong_agent')
    assert.equal(room.approvals.find(id).used, 0)
    assert.equal((await useReceipt(asked, agent, agent.id, needs(room))).valid, true)
    const wrong = await useReceipt({ receipt, digest: '0'.repeat(64) }, operator, undefined, needs(room))
    assert.equal(wrong.error, 'wrong_action')
    assert.equal((await useReceipt(asked, operator, undefined, needs(room))).valid, true)
    assert.equal((await useReceipt(asked, operator, undefined, needs(room))).error, 'consumed')
    assert.equal(room.approvals.find(id).used, 2)
  })
})

describe('a receipt key that was compromised', () => {
  const HOUR = 3_600_000
  async function compromised(room: TestApprovals, sinceMs?: number) {
    const [{ kid } = { kid: '' }] = room.approvals.receiptKeys.list()
    await room.approvals.receiptKeys.compromised(kid, sinceMs, by)
    return kid
  }

  test('counts for what it signed before, and signs no more; it is published with its mark', async () => {
    await using room = await new TestApprovals().start()
    const before = await yes(room, aStatement({ terms: { assurance: 'tap', lifeSeconds: 86_400, uses: 1 } }))
    room.clock.advance(HOUR)
    const since = room.clock.now()
    const after = await yes(room, aStatement({ request: 'after' }))
    room.clock.advance(1_000)
    const kid = await compromised(room, since)
    const next = await yes(room, aStatement({ request: 'next' }))
    for (const restart of [false, true]) {
      if (restart) await room.restart()
      const errors = [before, after, next].map(({ receipt }) => verifyReceipt(ask(receipt), needs(room)))
      assert.deepEqual(
        (await Promise.all(errors)).map(({ error }) => error),
        [undefined, 'key_compromised', undefined],
      )
      const offline = keysOfSet(room.approvals.receiptKeys.jwks())
      const read = [before, after, next].map(({ receipt }) => readReceipt(receipt, (id) => offline.get(id)))
      assert.deepEqual(
        read.map((one) => ('error' in one ? one.error : undefined)),
        [undefined, 'key_compromised', undefined],
      )
    }
    assert.equal((await verifyReceipt(ask(after.receipt, { consume: true }), needs(room))).error, 'key_compromised')
    const [marked, active] = room.approvals.receiptKeys.list()
    assert.deepEqual([marked?.kid, marked?.status, marked?.compromisedSince], [kid, 'compromised', since])
    assert.equal(active?.status, 'active')
    const rows = room.database.look('select sealed from receipt_keys where compromised_since is not null')
    assert.deepEqual(
      rows.map(({ sealed }) => sealed),
      [null],
    )
  })

  test('counts for nothing where nobody says since when, and a mark moves back alone', async () => {
    await using room = await new TestApprovals().start()
    const { receipt } = await yes(room)
    room.clock.advance(HOUR)
    const { receiptKeys } = room.approvals
    const kid = await compromised(room, room.clock.now())
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).valid, false, 'no longer: it ran out')
    const invalid = { code: 'receipt_key_since_invalid' }
    await assert.rejects(receiptKeys.compromised(kid, room.clock.now() + 1, by), invalid)
    await receiptKeys.compromised(kid, undefined, by)
    await assert.rejects(receiptKeys.compromised(kid, 1, by), invalid)
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).error, 'key_compromised')
    await assert.rejects(receiptKeys.compromised('nobody', undefined, by), { code: 'receipt_key_unknown' })
    await room.restart('UPDATE receipt_keys SET compromised_since = NULL')
    assert.equal((await verifyReceipt(ask(receipt), needs(room))).error, 'bad_signature', 'a mark that is taken off')
  })

  test('is so from the beginning where its mark in a set cannot be read', async () => {
    await using room = await new TestApprovals().start()
    const { receipt } = await yes(room)
    const [jwk] = room.approvals.receiptKeys.jwks().keys
    for (const compromisedSince of ['soon', null, Number.NaN, {}]) {
      const known = keysOfSet({ keys: [{ ...jwk, compromisedSince }] })
      assert.deepEqual(
        readReceipt(receipt, (kid) => known.get(kid)),
        { error: 'key_compromised' },
      )
    }
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
  for (const { name, receipt, claims, about = {}, error, now, keys = vectors.keys } of vectors.receipts) {
    test(`receipt: ${name}`, () => {
      const known = keysOfSet(keys)
      const read = readReceipt(receipt, (kid) => known.get(kid))
      if ('error' in read) return assert.equal(read.error, error)
      const over = read.claims.exp !== undefined && now >= read.claims.exp ? 'expired' : undefined
      assert.equal(faultOf(read.claims, about) ?? over, error)
      if (claims !== undefined) assert.deepEqual(read.claims, claims)
    })
  }
})
