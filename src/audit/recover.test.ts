import assert from 'node:assert/strict'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../ground/clock.ts'
import { hastyDisk, installId, intentOf, keys, makeCalls, origin, proving, TestLog, vkey } from './audit.support.ts'
import { splitMark } from './group-mark.ts'
import { tilePath } from './log-paths.ts'
import { type DatabaseFacts, recoverLog } from './recover.ts'
import { verifyLog } from './verify.ts'

/** A log as kill -9 leaves it: some groups after the only checkpoint. The original is closed by `await using`. */
async function crashed(calls = 12): Promise<TestLog> {
  await using running = new TestLog()
  const audit = await running.unsealed()
  for (let i = 0; i < calls; i += 1) await makeCalls(audit, 1)
  await audit.intent(intentOf('/left/open'))
  return running.copy(TestLog.inMemory())
}

function recover(log: TestLog, facts: { database?: DatabaseFacts; witnessFile?: string } = {}) {
  return recoverLog({ dir: log.dir, nodeId: 'n1', installId, origin, clock: systemClock, onTile: () => {}, ...facts })
}

/** Sizes of the log after each complete group, by the byte at which it ends. */
function groupEnds(bytes: Buffer): Map<number, number> {
  const ends = new Map([[0, 0]])
  let size = 0
  let start = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    size += 1
    start = end + 1
    if (splitMark(bytes.subarray(bytes.lastIndexOf(10, end - 1) + 1, end))) ends.set(start, size)
  }
  return ends
}

describe('a torn tail (I-03)', () => {
  const cuts = proving ? 4_096 : 512

  test(`cut at every byte of the last ${cuts}: starts, and no complete group is lost`, async () => {
    await using log = await crashed(proving ? 24 : 12)
    const whole = readFileSync(log.segment())
    const ends = groupEnds(whole)
    for (let length = whole.length - cuts; length <= whole.length; length += 1) {
      writeFileSync(log.segment(), whole.subarray(0, length))
      const { verdict, tree, cut } = await recover(log)
      const kept = [...ends].filter(([end]) => end <= length).at(-1)
      assert.deepEqual(verdict, { ok: true }, `cut at ${length}`)
      assert.deepEqual([tree.size, (cut?.bytes ?? 0) + (kept?.[0] ?? 0)], [kept?.[1], length], `cut at ${length}`)
      assert.equal(readFileSync(log.segment()).length, kept?.[0])
      rmSync(join(log.dir, 'torn'), { recursive: true, force: true })
    }
  })

  test('is kept for inspection and recorded; the open intent is closed', async () => {
    await using log = await crashed()
    const whole = readFileSync(log.segment())
    const torn = Buffer.concat([whole, Buffer.from('{"actor":{"id":"agent_1"')])
    writeFileSync(log.segment(), torn)
    const audit = await log.unsealed()
    const { cut, unknown } = audit.recovery
    assert.equal(cut?.reason, 'torn_line')
    assert.equal(readFileSync(join(log.dir, 'torn', cut?.file ?? ''), 'utf8'), '{"actor":{"id":"agent_1"')
    assert.equal(unknown.length, 1)
    await makeCalls(audit, 2)
    await audit.close()
    const records = log.records()
    const recovered = records.find(({ type }) => type === 'recover')
    assert.deepEqual([recovered?.ev.cut, recovered?.ev.reason], [24, 'torn_line'])
    assert.deepEqual(records.find(({ rid, type }) => rid === unknown[0] && type === 'outcome')?.outcome, {
      error: 'unknown_crash',
    })
    const report = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail, installId, full: true })
    assert.deepEqual([report.exit, report.findings, report.openIntents], [0, [], 0])
  })

  test('of zeros, where blocks were never written, is torn as well', async () => {
    await using log = await crashed()
    const whole = readFileSync(log.segment())
    const lastGroup = [...groupEnds(whole).keys()].at(-2) ?? 0
    for (const zeros of [whole.length - 5, lastGroup + 3]) {
      writeFileSync(log.segment(), Buffer.from(whole).fill(0, zeros))
      assert.deepEqual((await recover(log)).verdict, { ok: true })
    }
    // The first block of the last group is missing, its end with the mark is there.
    writeFileSync(log.segment(), Buffer.from(whole).fill(0, lastGroup, lastGroup + 40))
    const { verdict, cut } = await recover(log)
    assert.deepEqual([verdict, cut?.bytes], [{ ok: true }, whole.length - lastGroup])
  })
})

describe('what a crash cannot have left', () => {
  const edits: readonly (readonly [string, (lines: string[]) => string[]])[] = [
    ['a damaged line before a later group', (lines) => lines.with(6, '\0'.repeat(40))],
    ['a line removed', (lines) => lines.toSpliced(6, 1)],
    ['two lines swapped', (lines) => lines.with(6, lines[7]!).with(7, lines[6]!)],
    ['a line doubled', (lines) => lines.toSpliced(6, 0, lines[6]!)],
    [
      'a value changed in the middle',
      (lines) => lines.with(6, lines[6]!.replace('"ms":3', '"ms":4').replace('GET', 'PUT')),
    ],
    ['a value changed in the last group', (lines) => lines.with(-1, lines.at(-1)!.replace('/left', '/righ'))],
    ['a record of another node', (lines) => lines.with(-1, lines.at(-1)!.replace('"node":"n1"', '"node":"n2"'))],
  ]
  for (const [what, edit] of edits) {
    test(`${what} is damage: nothing is cut`, async () => {
      await using log = await crashed()
      writeFileSync(log.segment(), `${edit(log.lines()).join('\n')}\n`)
      const before = readFileSync(log.segment())
      const audit = await log.open()
      const { verdict } = audit.recovery
      assert.equal(verdict.ok ? '' : verdict.reason, 'integrity')
      await assert.rejects(audit.intent(intentOf()), { code: 'audit_unavailable' })
      assert.deepEqual(await audit.keysArrived(keys), verdict)
      assert.ok(readFileSync(log.segment()).equals(before))
    })
  }

  test('a log of another installation', async () => {
    await using log = await crashed()
    const { verdict } = (await log.open({ installId: Buffer.alloc(16, 9) })).recovery
    assert.equal(verdict.ok ? '' : verdict.reason, 'integrity')
  })
})

describe('files of others', () => {
  test('a segment that is a link, or that others may write, is refused', async () => {
    await using log = await crashed()
    chmodSync(log.segment(), 0o666)
    await assert.rejects(log.open(), { code: 'audit_files_unsafe' })
    chmodSync(log.segment(), 0o600)
    renameSync(log.segment(), join(log.root, 'elsewhere'))
    symlinkSync(join(log.root, 'elsewhere'), log.segment())
    await assert.rejects(log.open(), { code: 'audit_files_unsafe' })
  })
})

describe('the first act after unsealing', () => {
  async function suspect(edit: (lines: string[]) => string[]): Promise<string> {
    await using log = await crashed()
    writeFileSync(log.segment(), `${edit(log.lines()).join('\n')}\n`)
    const audit = await log.open()
    assert.deepEqual(audit.recovery.verdict, { ok: true })
    const verdict = await audit.keysArrived(keys)
    await assert.rejects(audit.intent(intentOf()), { code: 'audit_unavailable' })
    return verdict.ok ? 'good' : verdict.detail
  }

  test('finds a mac that was cut off', async () => {
    const without = (line: string) => line.replace(/(\d+\.[\w-]{22})\.1\.[\w-]{22}"/, '$1"')
    assert.match(await suspect((lines) => lines.with(-1, without(lines.at(-1)!))), /without mac/)
  })

  test('finds a mac by another key', async () => {
    const forged = (line: string) => line.replace(/\.1\.[\w-]{22}"/, `.1.${'A'.repeat(22)}"`)
    assert.match(await suspect((lines) => lines.with(-1, forged(lines.at(-1)!))), /does not hold/)
  })

  test('finds a checkpoint that is not ours', async () => {
    await using log = await crashed()
    const path = join(log.dir, 'checkpoint')
    const note = readFileSync(path, 'utf8')
    writeFileSync(path, note.replace(/— (\S+) (.{8})..../, '— $1 $2AAAA'))
    rmSync(join(log.dir, 'checkpoints'), { recursive: true })
    const verdict = await (await log.open()).keysArrived(keys)
    assert.equal(verdict.ok ? '' : verdict.reason, 'integrity')
  })
})

describe('rollback', () => {
  const facts = (database: Partial<DatabaseFacts>) => ({ database: { instanceId: 'db1', epoch: 7, ...database } })

  async function reasonOf(log: TestLog, options: Parameters<TestLog['open']>[0]) {
    const audit = await log.open(options)
    const { verdict } = audit.recovery
    return verdict.ok ? 'good' : verdict.reason
  }

  test('of the log is seen by the database and by the witness', async () => {
    await using log = new TestLog()
    const witnessFile = join(log.root, 'outside.note')
    const audit = await log.unsealed({ witnessFile, ...facts({}) })
    await makeCalls(audit, 5)
    const older = log.copy()
    await makeCalls(audit, 5)
    const head = audit.head()
    await audit.close()
    await using copy = older
    assert.equal(await reasonOf(copy, facts({ head })), 'rollback_suspected')
    assert.equal(await reasonOf(copy, { witnessFile }), 'rollback_suspected')
    assert.equal(await reasonOf(copy, facts({ head: { size: 3, root: Buffer.alloc(32) } })), 'integrity')
    assert.equal(await reasonOf(copy, facts({})), 'good')
  })

  test('of the log changes nothing until an operator accepts it; then what is lost is on record', async () => {
    await using log = new TestLog()
    const witnessFile = join(log.root, 'outside.note')
    const audit = await log.unsealed({ witnessFile })
    await makeCalls(audit, 5)
    await using copy = log.copy()
    await makeCalls(audit, 5)
    await audit.close()
    const lostNote = readFileSync(witnessFile, 'utf8')
    const bytes = readFileSync(copy.segment())
    const held = await copy.open({ witnessFile })
    assert.equal((await held.keysArrived(keys)).ok, false)
    await assert.rejects(held.intent(intentOf()), { code: 'audit_unavailable' })
    await assert.rejects(held.append({ type: 'auth' }), { code: 'audit_unavailable' })
    held.deny({ rid: 'call_x', reason: 'sealed', policy: 1 })
    held.keysGone()
    assert.equal((await held.keysArrived(keys)).ok, false)
    assert.ok(readFileSync(copy.segment()).equals(bytes))
    assert.equal(readFileSync(witnessFile, 'utf8'), lostNote)
    const seq = await held.append({ type: 'restore.accepted', epoch: 8, ev: { reason: 'rollback_suspected' } })
    await held.intent(intentOf())
    await held.close()
    const size = audit.size()
    assert.deepEqual(copy.records()[seq]?.ev.lost, [{ from: 'witness', size, root: lostNote.split('\n')[2] }])
    assert.equal(readFileSync(join(copy.dir, 'checkpoints', `${size}.lost`), 'utf8'), lostNote)
    assert.deepEqual((await copy.open({ witnessFile })).recovery.verdict, { ok: true })
    assert.equal((await verifyLog({ dir: copy.dir, vkey, tailKey: keys.auditTail })).exit, 0)
  })

  test('of the database is seen by the log, which stays writable for the acceptance', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed(facts({}))
    await audit.append({ type: 'grant', epoch: 9, ev: { id: 'grt_1' }, outbox: 4 })
    await audit.close()
    assert.equal(await reasonOf(log, facts({ epoch: 8 })), 'rollback_suspected')
    const reopened = log.audit
    assert.equal(reopened.recovery.epoch, 9)
    const verdict = await reopened.keysArrived(keys)
    assert.equal(verdict.ok ? '' : verdict.reason, 'rollback_suspected')
    await assert.rejects(reopened.intent(intentOf()), { code: 'audit_unavailable' })
    await reopened.append({ type: 'restore.accepted', epoch: 10 })
    await reopened.intent(intentOf())
    await reopened.close()
    assert.equal((await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })).exit, 0)
    assert.equal(await reasonOf(log, facts({ epoch: 10, instanceId: 'db2' })), 'rollback_suspected')
  })

  test('outbox rows that were recorded are found again', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed(facts({}))
    const seq = await audit.append({ type: 'grant', epoch: 7, outbox: 41 })
    await audit.close()
    assert.deepEqual([...(await log.open(facts({}))).recovery.outbox], [[41, seq]])
  })
})

describe('a log of several segments', () => {
  const log = new TestLog()
  before(async () => {
    const audit = await log.unsealed({ disk: hastyDisk })
    await makeCalls(audit, 33_500, 120)
    await audit.close()
  })
  after(() => log[Symbol.asyncDispose]())

  test('without its last segment is damaged (I-09)', async () => {
    const hidden = join(log.root, 'hidden')
    for (let i = 0; i < (proving ? 20 : 5); i += 1) {
      renameSync(log.segment(1), hidden)
      const { verdict, state } = await recover(log)
      assert.deepEqual([verdict.ok ? '' : verdict.reason, state], ['integrity', 'closed'])
      assert.ok(!existsSync(log.segment(1)))
      renameSync(hidden, log.segment(1))
    }
    renameSync(log.segment(0), hidden)
    assert.equal((await recover(log)).verdict.ok, false)
    renameSync(hidden, log.segment(0))
  })

  test('is taken from its tiles, and from its segments when a tile is wrong', async () => {
    const size = log.records(1).length + 65_536
    const fromTiles = await recover(log)
    assert.deepEqual([fromTiles.verdict, fromTiles.tree.size, fromTiles.rebuilt], [{ ok: true }, size, false])
    const tile = tilePath(log.dir, 1, 0)
    copyFileSync(tile, `${tile}.kept`)
    writeFileSync(tile, Buffer.alloc(8_192))
    const rebuilt = await recover(log)
    assert.deepEqual([rebuilt.verdict, rebuilt.rebuilt], [{ ok: true }, true])
    rmSync(tile)
    const missing = await recover(log)
    assert.deepEqual([missing.verdict, missing.tree.size], [{ ok: true }, size])
    renameSync(`${tile}.kept`, tile)
    assert.ok(rebuilt.tree.root().equals(fromTiles.tree.root()))
  })

  test('is looked back into as far as the last anchor says', async () => {
    const { unfinished } = await recover(log)
    assert.equal(unfinished.intents.size, 0)
    assert.ok(unfinished.anchor !== undefined)
  })
})

test('an empty directory is a new log', async () => {
  await using log = new TestLog()
  const audit = await log.open()
  assert.deepEqual([audit.recovery.verdict, audit.size()], [{ ok: true }, 1])
  assert.deepEqual(readdirSync(join(log.dir, 'seg')), ['000000000000.ndjson'])
})
