import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { intentOf, keys, makeCalls, proving, TestLog, vkey } from './audit.support.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { attacks, newestNoteText } from './tamper.support.ts'
import { type VerifyOptions, verifyLog } from './verify.ts'

const trials = proving ? 60 : 5
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

/** mulberry32: the same picks for the same seed. */
function picker(start: number): (n: number) => number {
  let state = start
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

describe(`eight kinds of tampering × ${trials} (I-02), seed ${seed}`, () => {
  const original = new TestLog()
  let earlier: TestLog
  let note = ''

  before(async () => {
    const audit = await original.unsealed()
    for (let i = 0; i < 10; i += 1) await makeCalls(audit, 3, 2)
    await audit.checkpoint()
    earlier = original.copy()
    for (let i = 0; i < 10; i += 1) await makeCalls(audit, 3, 2)
    await audit.close()
    note = newestNoteText(original)
  })
  after(async () => {
    await original[Symbol.asyncDispose]()
    await earlier[Symbol.asyncDispose]()
  })

  async function found(kind: string, trial: number, options: Omit<VerifyOptions, 'dir'>): Promise<boolean> {
    await using log = original.copy()
    attacks[kind]!({ log, earlier, pick: picker(seed + trial) })
    const report = await verifyLog({ dir: log.dir, vkey, ...options })
    return report.exit === 1
  }

  const outside = (): Omit<VerifyOptions, 'dir'> => ({ notes: [{ name: 'outside', text: note }] })

  test('the log itself verifies', async () => {
    const report = await verifyLog({ dir: original.dir, vkey, tailKey: keys.auditTail, full: true, ...outside() })
    assert.deepEqual([report.exit, report.findings, report.undecided, report.openIntents], [0, [], [], 0])
  })

  for (const kind of Object.keys(attacks)) {
    test(`${kind}: found with an old note from outside, every time`, async () => {
      for (let trial = 0; trial < trials; trial += 1) assert.ok(await found(kind, trial, outside()), `trial ${trial}`)
    })
  }

  test('without a note from outside: said plainly what is not found', async (t) => {
    const table: Record<string, { plain: number; macs: number }> = {}
    for (const kind of Object.keys(attacks)) {
      const counts = { plain: 0, macs: 0 }
      for (let trial = 0; trial < trials; trial += 1) {
        if (await found(kind, trial, {})) counts.plain += 1
        if (await found(kind, trial, { tailKey: keys.auditTail })) counts.macs += 1
      }
      table[kind] = counts
      t.diagnostic(
        `${kind}: found ${counts.plain}/${trials} from the files alone, ${counts.macs}/${trials} with the macs`,
      )
    }
    for (const kind of ['edit', 'reorder', 'insert', 'fork']) assert.equal(table[kind]?.macs, trials, kind)
    for (const kind of ['truncate', 'full rewrite with the keys', 'rollback']) {
      assert.deepEqual(table[kind], { plain: 0, macs: 0 }, `${kind} was found: the table in the documents is wrong`)
    }
  })

  test('a fork signed with the key is found by who kept either note', async () => {
    await using log = original.copy()
    attacks['full rewrite with the keys']!({ log, earlier, pick: picker(seed) })
    const other = newestNoteText(log)
    const size = parseCheckpoint(other)?.size
    assert.equal(size, parseCheckpoint(note)?.size)
    const report = await verifyLog({ dir: original.dir, vkey, notes: [{ name: 'other', text: other }] })
    assert.equal(report.exit, 1)
  })
})

describe('what a verifier says', () => {
  test('of every line changed by one byte: never good', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    await makeCalls(audit, 6, 2)
    await audit.close()
    const lines = log.lines()
    const pick = picker(seed)
    for (const [seq, line] of lines.entries()) {
      const at = pick(line.length)
      const edited = `${line.slice(0, at)}${String.fromCharCode(33 + ((line.charCodeAt(at) + 1) % 90))}${line.slice(at + 1)}`
      if (edited === line) continue
      writeFileSync(log.segment(), `${lines.with(seq, edited).join('\n')}\n`)
      assert.equal((await verifyLog({ dir: log.dir, vkey })).exit, 1, `line ${seq}, byte ${at}`)
      // Where it is shows to whoever has the key: in the mac of the last line it is but another root to everybody else.
      const { exit, firstBadSeq } = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })
      assert.ok(exit === 1 && firstBadSeq !== undefined && firstBadSeq <= seq + 1, `line ${seq}, byte ${at}`)
    }
  })

  test('of another key, a missing key or a note that is none: cannot decide', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    await makeCalls(audit, 2)
    await audit.close()
    const other = vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')
    for (const options of [{ vkey: other }, { vkey, notes: [{ name: 'x', text: 'no note' }] }]) {
      assert.equal((await verifyLog({ dir: log.dir, ...options })).exit, 2)
    }
    assert.equal((await verifyLog({ dir: join(log.root, 'nowhere'), vkey })).exit, 2)
    const beside = await verifyLog({ dir: log.dir })
    assert.deepEqual([beside.exit, beside.keySource], [0, 'directory'])
  })

  test('of a copy made while the log is written: good, with a torn tail', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    await makeCalls(audit, 4)
    await audit.intent(intentOf())
    await using copy = log.copy()
    const lines = copy.lines()
    writeFileSync(copy.segment(), `${lines.join('\n')}\n{"actor":{"id":`)
    const report = await verifyLog({ dir: copy.dir, vkey, tailKey: keys.auditTail })
    assert.deepEqual([report.exit, report.tornBytes, report.openIntents], [0, 15, 1])
  })

  const refusals: readonly (readonly [string, (line: string) => string])[] = [
    ['an unknown record type', (line) => line.replace('"type":"outcome"', '"type":"invented"')],
    ['an unknown member', (line) => line.replace('"v":1', '"v":1,"w":1')],
    ['another version', (line) => line.replace('"v":1', '"v":2')],
    ['a second spelling', (line) => line.replace('"ms":3', '"ms": 3')],
    ['a doubled name', (line) => line.replace('"ms":3', '"ms":3,"ms":3')],
  ]
  for (const [what, edit] of refusals) {
    test(`of ${what}: damage, with the first bad seq`, async () => {
      await using log = new TestLog()
      const audit = await log.unsealed()
      await makeCalls(audit, 2, 1)
      await audit.close()
      const lines = log.lines()
      const seq = lines.findIndex((line) => line.includes('"type":"outcome"'))
      writeFileSync(log.segment(), `${lines.with(seq, edit(lines[seq]!)).join('\n')}\n`)
      const report = await verifyLog({ dir: log.dir, vkey })
      assert.deepEqual([report.exit, report.firstBadSeq], [1, seq])
    })
  }
})
