import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../ground/clock.ts'
import { figures, hastyDisk, installId, intentOf, keys, makeCalls, TestLog, vkey } from './audit.support.ts'
import { displayLine } from './display.ts'
import { lineAt, linesFrom, seqOf } from './find-line.ts'
import { countRecords, findIntent, tailRecords } from './find-record.ts'
import { followLog } from './follow.ts'
import { fsckLog } from './fsck.ts'
import { AuditIndex } from './index/audit-index.ts'
import { tilePath } from './log-paths.ts'
import { newestNote } from './notes-on-disk.ts'
import { proveRecord } from './prove.ts'
import { parseProof, verifyProof } from './tlog-proof.ts'
import { verifyLog } from './verify.ts'

/** One log for all that only read: two segments, a checkpoint at its end, one call that is told apart. */
const log = new TestLog()
const special = { ...intentOf('/special'), rid: 'call_special' }
let size = 0

before(async () => {
  const audit = await log.unsealed({ disk: hastyDisk })
  await makeCalls(audit, 20_000, 120)
  await audit.intent(special)
  audit.outcome({ rid: special.rid, outcome: { ...figures, status: 418 } })
  await makeCalls(audit, 13_000, 120)
  await audit.close()
  size = audit.size()
})
after(() => log[Symbol.asyncDispose]())

test('a log of two segments verifies, each beginning where the one before ended', async () => {
  assert.equal(log.records(1)[0]?.seq, 65_536)
  const report = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail, installId, full: true })
  assert.deepEqual([report.exit, report.findings, report.openIntents, report.records], [0, [], 0, size])
})

describe('finding records without an index', () => {
  test('by position, from any place, across the log', () => {
    for (const seq of [0, 1, 255, 256, 30_000, 65_535, 65_536, size - 1]) {
      const line = lineAt(log.dir, seq)
      assert.equal(line && seqOf(line), seq)
    }
    assert.equal(lineAt(log.dir, size), undefined)
    assert.equal(lineAt(log.dir, 10_000_000), undefined)
    assert.equal(linesFrom(log.dir, 65_530, 100).length, 6)
    assert.equal(linesFrom(log.dir, 1_000, 700).length, 700)
  })

  test('by request id, by type, from the end', async () => {
    assert.equal(await countRecords(log.dir), size)
    const seq = await findIntent(log.dir, special.rid)
    assert.equal(JSON.parse(lineAt(log.dir, seq ?? -1) ?? '{}').req.path, '/special')
    assert.equal(await findIntent(log.dir, 'call_none'), undefined)
    const last = await tailRecords(log.dir, { limit: 3 })
    assert.deepEqual(
      last.map((record) => record.seq),
      [size - 1, size - 2, size - 3],
    )
    const boots = await tailRecords(log.dir, { limit: 5, filter: { type: 'boot' } })
    assert.deepEqual(
      boots.map((record) => record.seq),
      [0],
    )
    const mine = await tailRecords(log.dir, { limit: 5, filter: { rid: special.rid } })
    assert.deepEqual(
      mine.map((record) => record.type),
      ['outcome', 'intent'],
    )
  })
})

describe('proofs', () => {
  test('lead from a record to the signed note, with the public key alone', async () => {
    for (const seq of [0, 1, 255, 256, 65_535, 65_536, size - 1]) {
      const { proof, line } = await proveRecord({ dir: log.dir, record: { seq } })
      const verdict = verifyProof(proof, vkey)
      assert.deepEqual([verdict.exit, verdict.seq, verdict.line], [0, seq, line])
    }
    const { proof } = await proveRecord({ dir: log.dir, record: { rid: special.rid } })
    assert.match(verifyProof(proof, vkey).line ?? '', /"path":"\/special"/)
  })

  test('do not hold for another record, another place, another note or another key', async () => {
    const { proof } = await proveRecord({ dir: log.dir, record: { seq: 300 } })
    const forged = Buffer.from(lineAt(log.dir, 301) ?? '').toString('base64')
    const edits: readonly (readonly [string, number])[] = [
      [proof.replace(/extra \S+/, `extra ${forged}`), 1],
      [proof.replace('index 300', 'index 301'), 1],
      [proof.replace(/\n\d+\n(\S+=)\n\n—/, '\n299\n$1\n\n—'), 1],
      [proof.replace('index 300', 'index 0300'), 2],
      [proof.replace('tlog-proof@v1', 'tlog-proof@v2'), 2],
    ]
    for (const [edited, exit] of edits) assert.equal(verifyProof(edited, vkey).exit, exit)
    assert.equal(verifyProof(proof, vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')).exit, 2)
  })

  test('hold although tiles are missing or wrong', async () => {
    await using copy = log.copy()
    for (const path of [tilePath(copy.dir, 0, 1), tilePath(copy.dir, 1, 0)]) writeFileSync(path, Buffer.alloc(8_192))
    rmSync(tilePath(copy.dir, 0, 200))
    const { proof } = await proveRecord({ dir: copy.dir, record: { seq: 300 } })
    assert.equal(verifyProof(proof, vkey).exit, 0)
  })

  test('are refused by name: no such record, not signed yet, records that contradict the note', async () => {
    await using small = new TestLog()
    const audit = await small.unsealed()
    await makeCalls(audit, 3)
    const at = (seq: number) => proveRecord({ dir: small.dir, record: { seq } })
    await assert.rejects(at(audit.size() - 1), { code: 'audit_not_signed_yet' })
    await assert.rejects(at(1_000), { code: 'audit_record_unknown' })
    await audit.close()
    const lines = small.lines()
    writeFileSync(small.segment(), `${lines.with(2, lines[2]!.replace('/v1/items', '/v1/other')).join('\n')}\n`)
    await assert.rejects(at(4), { code: 'audit_unverifiable' })
  })

  test('are as C2SP tlog-proof writes them', async () => {
    const { proof } = await proveRecord({ dir: log.dir, record: { seq: 0 } })
    assert.match(proof, /^c2sp\.org\/tlog-proof@v1\nextra \S+\nindex 0\n(?:[A-Za-z0-9+/]{43}=\n){17}\n\S+\n\d+\n/)
    assert.equal(parseProof(proof)?.note, (await newestNote(log.dir))?.note)
  })
})

describe('fsck', () => {
  test('derives every tile again, names what is wrong and repairs it', async () => {
    const clean = await fsckLog({ dir: log.dir })
    assert.deepEqual([clean.exit, clean.records, clean.missing, clean.wrong], [0, size, [], []])
    await using copy = log.copy()
    writeFileSync(tilePath(copy.dir, 0, 7), Buffer.alloc(8_192))
    rmSync(tilePath(copy.dir, 0, 8))
    const broken = await fsckLog({ dir: copy.dir })
    assert.deepEqual([broken.exit, broken.missing, broken.wrong], [1, ['0/8'], ['0/7']])
    assert.equal((await fsckLog({ dir: copy.dir, repair: true })).repaired, 2)
    assert.deepEqual(await fsckLog({ dir: copy.dir }), clean)
  })
})

describe('follow', () => {
  test('accepts a log that grew, and neither a rewritten nor a shorter one', async () => {
    await using grown = new TestLog()
    const audit = await grown.unsealed()
    await makeCalls(audit, 5)
    await audit.checkpoint()
    await using earlier = grown.copy()
    const stateFile = join(grown.root, 'state.note')
    const step = (dir: string) => followLog({ dir, stateFile, vkey }).then(({ exit }) => exit)
    assert.equal(await step(grown.dir), 0)
    await makeCalls(audit, 300)
    await audit.close()
    assert.equal(await step(grown.dir), 0)
    const state = readFileSync(stateFile, 'utf8')
    assert.equal(await step(earlier.dir), 1)
    assert.equal(await step(log.dir), 1)
    assert.equal(readFileSync(stateFile, 'utf8'), state)
    assert.equal((await followLog({ dir: grown.dir, stateFile, vkey: 'x' })).exit, 2)
  })
})

describe('the index', () => {
  async function indexed<T>(use: (index: AuditIndex, file: string) => Promise<T>): Promise<T> {
    const file = join(log.root, `index-${Math.random()}.db`)
    const options = { dir: log.dir, file, size: () => size, clock: systemClock, onTrouble: assert.ifError }
    const index = await AuditIndex.open(options)
    try {
      return await use(index, file)
    } finally {
      await index.close()
    }
  }

  test('finds by request id, status, service, type and time, and says how far it got', async () => {
    await indexed(async (index) => {
      assert.ok(index.lag > 0)
      await index.catchUp()
      const mine = await index.find({ rid: special.rid }, 10)
      assert.deepEqual(
        mine.records.map(({ type }) => type),
        ['outcome', 'intent'],
      )
      assert.deepEqual([mine.indexedTo, mine.lag], [size, 0])
      const teapot = await index.find({ status: 418, service: 'demo', actor: 'agent_1' }, 10)
      assert.deepEqual(
        teapot.rows.map(({ path }) => path),
        ['/special'],
      )
      assert.equal((await index.find({ type: 'boot' }, 10)).rows.length, 1)
      assert.equal((await index.find({ to: 1 }, 10)).rows.length, 0)
      const page = await index.find({ type: 'intent' }, 2)
      const next = await index.find({ type: 'intent', before: page.rows[1]?.seq }, 1)
      assert.ok((next.rows[0]?.seq ?? size) < (page.rows[1]?.seq ?? 0))
    })
  })

  test('is made again from the log, after it was damaged or is ahead', async () => {
    const file = join(log.root, 'damaged.db')
    const openAt = (records: number) =>
      AuditIndex.open({ dir: log.dir, file, size: () => records, clock: systemClock, onTrouble: () => {} })
    const first = await openAt(500)
    assert.equal(await first.reindex(), 500)
    await first.close()
    for (const [damage, records] of [
      [() => {}, 100] as const,
      [() => writeFileSync(file, 'no database '.repeat(500)), 200] as const,
    ]) {
      damage()
      const again = await openAt(records)
      await again.catchUp()
      const { indexedTo, rows } = await again.find({}, 1_000)
      assert.deepEqual([indexedTo, rows.length], [records, records])
      await again.close()
    }
  })

  test('follows a log that is written, and closes with it', async () => {
    await using live = new TestLog()
    const file = join(live.root, 'audit-index.db')
    const audit = await live.unsealed({ indexFile: file })
    await makeCalls(audit, 50)
    const found = await audit.index?.find({ type: 'intent' }, 100)
    assert.equal(found?.rows.length, 50)
    await audit.close()
    assert.ok(existsSync(file))
    assert.ok(!readFileSync(join(live.dir, 'checkpoint'), 'utf8').includes('index'))
  })
})

test('what a terminal would act on is written as escapes', () => {
  const line = JSON.stringify({ path: '/a\u009b31m\u202e\u200f' })
  assert.equal(displayLine(line), '{"path":"/a\\u009b31m\\u202e\\u200f"}')
  assert.deepEqual(JSON.parse(displayLine(line)), JSON.parse(line))
})
