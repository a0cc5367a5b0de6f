import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { until } from '../../test/instruments/wait.ts'
import { figures, intentOf, keys, makeCalls, TestLog, vkey } from './audit.support.ts'
import { verifyLog } from './verify.ts'

const unavailable = { code: 'audit_unavailable' }

describe('an open log', () => {
  test('holds the intent on the disk before it says so', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    for (let i = 0; i < 20; i += 1) {
      const intent = intentOf()
      const seq = await audit.intent(intent)
      const record = log.records()[seq]
      assert.equal(record?.rid, intent.rid)
      assert.equal(record?.type, 'intent')
    }
  })

  test('gives many intents one group, in order, under one mac', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const seqs = await Promise.all(Array.from({ length: 300 }, () => audit.intent(intentOf())))
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    )
    const marks = log.records().flatMap((record) => (record.type === 'intent' ? (record['~g'] ?? []) : []))
    assert.ok(marks.length >= 3 && marks.length <= 4, `${marks.length} groups`)
    assert.match(marks[0], /^128\.[\w-]{22}\.1\.[\w-]{22}$/)
  })

  test('writes an outcome soon although no intent follows', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const intent = intentOf()
    await audit.intent(intent)
    audit.outcome({ rid: intent.rid, outcome: { ...figures, error: 'aborted' } })
    await until(() => log.records().at(-1)?.type === 'outcome')
    assert.deepEqual(log.records().at(-1)?.outcome, { ...figures, error: 'aborted' })
  })

  test('waits for the outcome of a strict service', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const intent = intentOf()
    await audit.intent(intent)
    const seq = await audit.outcomeDurable({ rid: intent.rid, outcome: figures })
    assert.equal(log.records()[seq]?.rid, intent.rid)
  })

  test('takes no second outcome, none without intent, and no open id twice', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const intent = intentOf()
    await audit.intent(intent)
    await assert.rejects(audit.intent(intent), TypeError)
    await audit.outcomeDurable({ rid: intent.rid, outcome: figures })
    audit.outcome({ rid: intent.rid, outcome: figures })
    await assert.rejects(audit.outcomeDurable({ rid: 'call_never', outcome: figures }), TypeError)
    assert.equal(log.trouble.length, 2)
    await audit.close()
    assert.equal(log.records().filter(({ type }) => type === 'outcome').length, 1)
  })

  test('refuses record types it does not know', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    for (const type of ['intent', 'outcome', 'made.up', 'key.', 'Config', '']) {
      await assert.rejects(audit.append({ type }), TypeError, type)
    }
    await audit.append({ type: 'key.rotated', ev: { version: 2 } })
  })

  test('anchors name the epoch, the database and the lowest open intent', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed({ database: { instanceId: 'db1', epoch: 7 } })
    const first = intentOf()
    const seq = await audit.intent(first)
    await makeCalls(audit, 5)
    await audit.checkpoint()
    const anchor = log.records().findLast(({ type }) => type === 'anchor')
    assert.deepEqual(anchor?.ev, { db: 'db1', epoch: 7, open: seq, peers: {}, policy: 7 })
    await audit.outcomeDurable({ rid: first.rid, outcome: figures })
    await audit.checkpoint()
    assert.equal(log.records().findLast(({ type }) => type === 'anchor')?.ev.open, undefined)
  })
})

describe('a sealed log', () => {
  test('takes no intent and nothing that changes authority', async () => {
    await using log = new TestLog()
    const audit = await log.open()
    await assert.rejects(audit.intent(intentOf()), unavailable)
    await assert.rejects(audit.append({ type: 'grant' }), unavailable)
    await assert.rejects(audit.checkpoint(), unavailable)
    await audit.append({ type: 'auth', ev: { failed: 'unseal' } })
    assert.equal(audit.redact('secret'), 'hmac-sha256:0:sealed')
  })

  test('follows a seal record, and goes on under the next unsealing', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const intent = intentOf()
    await audit.intent(intent)
    audit.keysGone('operator')
    audit.outcome({ rid: intent.rid, outcome: { ...figures, error: 'sealed' } })
    await assert.rejects(audit.intent(intentOf()), unavailable)
    await audit.append({ type: 'auth' })
    const types = log.records().map(({ type }) => type)
    assert.deepEqual(types.slice(-3), ['seal', 'outcome', 'auth'])
    assert.deepEqual(log.records().find(({ type }) => type === 'seal')?.ev, { reason: 'operator' })
    assert.deepEqual(await audit.keysArrived(keys), { ok: true })
    await makeCalls(audit, 3)
    await audit.close()
    const report = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })
    assert.deepEqual([report.exit, report.findings], [0, []])
  })

  test('refuses what waits for the disk when the keys go', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const waiting = Promise.all(Array.from({ length: 5 }, () => assert.rejects(audit.intent(intentOf()), unavailable)))
    audit.keysGone()
    await waiting
    await audit.close()
    assert.ok(!log.records().some(({ type }) => type === 'intent'))
  })
})

describe('checkpoints', () => {
  test('are signed, published, copied to the witness file, and never sink', async () => {
    await using log = new TestLog()
    const witnessFile = join(log.root, 'outside.note')
    const signed: number[] = []
    const audit = await log.unsealed({ witnessFile, onSigned: ({ size }) => signed.push(size) })
    await makeCalls(audit, 10)
    const note = await audit.checkpoint()
    const size = note.split('\n')[1]
    assert.equal(readFileSync(join(log.dir, 'checkpoint'), 'utf8'), note)
    assert.equal(readFileSync(join(log.dir, 'checkpoints', `${size}.note`), 'utf8'), note)
    assert.equal(readFileSync(witnessFile, 'utf8'), note)
    await audit.close()
    assert.deepEqual(
      signed,
      signed.toSorted((a, b) => a - b),
    )
    assert.equal(signed.at(-1), log.records().length)
  })
})
