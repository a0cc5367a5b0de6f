import assert from 'node:assert/strict'
import { renameSync, symlinkSync } from 'node:fs'
import { describe, test } from 'node:test'
import { until } from '../../test/instruments/wait.ts'
import { keys, makeCalls, TestLog, vkey } from './audit.support.ts'
import { newestNoteText, removeNotes, rewrite } from './tamper.support.ts'
import type { VerificationView } from './verification.ts'
import { verifyLog } from './verify.ts'

/** The report of the check that runs now. */
async function ended(log: TestLog): Promise<VerificationView> {
  const view = () => log.audit.verification?.view
  await until(() => view() !== undefined && view()?.state !== 'running')
  return view() as VerificationView
}

describe('Verification', () => {
  test('finds a log good while calls go on', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    await makeCalls(audit, 40, 4)
    await audit.checkpoint()
    const note = newestNoteText(log)
    assert.equal(audit.verification?.view, undefined)
    assert.equal(audit.verification?.start({ notes: [{ name: 'kept', text: note }], full: true }).state, 'running')
    await makeCalls(audit, 40, 4)
    const { state, report } = await ended(log)
    assert.deepEqual([state, report?.exit, report?.findings, report?.keySource], ['done', 0, [], 'vault'])
    assert.deepEqual([report?.notes[0]?.name, report?.notes[0]?.consistent], ['kept', true])
    assert.ok(report!.macs.checked > 0)
  })

  test('finds a log that was made anew without its keys, which the files alone do not show', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    await makeCalls(audit, 10, 2)
    await audit.checkpoint()
    const records = log.records()
    const at = records.findIndex(({ type }) => type === 'intent')
    const record = records[at]!
    rewrite(log, records.with(at, { ...record, req: { ...record.req, path: '/other' } }))
    removeNotes(log)
    assert.equal((await verifyLog({ dir: log.dir, vkey })).exit, 0)
    audit.verification?.start({ vkey })
    const { report } = await ended(log)
    assert.deepEqual([report?.exit, report?.keySource], [1, 'given'])
    assert.match(report!.findings[0]!.detail, /mac/)
  })

  test('makes one check at a time, and none without the keys', async () => {
    await using log = new TestLog()
    const audit = await log.open()
    const { verification } = audit
    assert.throws(() => verification!.start({}), { code: 'audit_unavailable' })
    assert.ok((await audit.keysArrived(keys)).ok)
    verification!.start({})
    assert.throws(() => verification!.start({}), { code: 'audit_verification_running' })
    audit.keysGone()
    assert.deepEqual([verification!.view?.state, verification!.view?.why], ['failed', 'the vault was sealed'])
    assert.throws(() => verification!.start({}), { code: 'audit_unavailable' })
    assert.ok((await audit.keysArrived(keys)).ok)
    verification!.start({})
    assert.equal((await ended(log)).report?.exit, 0)
  })

  test('says that it failed where the log cannot be read', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    // No log of ours is a link: it could lead anywhere, and is not followed.
    renameSync(log.segment(), `${log.segment()}.away`)
    symlinkSync(`${log.segment()}.away`, log.segment())
    audit.verification!.start({})
    const { state, why } = await ended(log)
    assert.deepEqual([state, why], ['failed', 'ELOOP'])
  })
})
