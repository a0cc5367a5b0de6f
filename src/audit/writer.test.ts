import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../test/instruments/wait.ts'
import { SetClock } from '../ground/clock.ts'
import { figures, intentOf, keys, makeCalls, TestLog, vkey } from './audit.support.ts'
import { type Disk, kernelDisk } from './segment-file.ts'
import { verifyLog } from './verify.ts'

const unavailable = { code: 'audit_unavailable' }
const full = { code: 'storage_full' }

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** The kernel's disk, but for what a test puts in its place. */
class FaultyDisk implements Disk {
  write: Disk['write'] = kernelDisk.write
  sync: Disk['sync'] = kernelDisk.sync
  truncate: Disk['truncate'] = kernelDisk.truncate
  readonly use: Disk = {
    write: (...args) => this.write(...args),
    sync: (...args) => this.sync(...args),
    truncate: (...args) => this.truncate(...args),
  }
}

/** Settles to the code of the problem, or 'written'. */
const said = (promise: Promise<number>) =>
  promise.then(
    () => 'written',
    (error) => error.code,
  )

describe('a disk that writes short', () => {
  test('is asked again until all is written', async () => {
    await using log = new TestLog()
    const disk = new FaultyDisk()
    const audit = await log.unsealed({ disk: disk.use })
    disk.write = (fd, bytes, from, length, done) => kernelDisk.write(fd, bytes, from, Math.ceil(length / 3), done)
    await makeCalls(audit, 20)
    disk.write = kernelDisk.write
    await audit.close()
    assert.equal((await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })).exit, 0)
  })
})

describe('a full disk', () => {
  test('refuses intents, cuts back to the last group, keeps outcomes, and goes on by itself', async () => {
    await using log = new TestLog()
    const disk = new FaultyDisk()
    const audit = await log.unsealed({ disk: disk.use })
    await makeCalls(audit, 3)
    const running = intentOf()
    await audit.intent(running)
    const before = readFileSync(log.segment()).length
    // Half of the group reaches the disk, then there is no room: as a file system does it.
    let half = true
    disk.write = (fd, bytes, from, length, done) => {
      if (half) kernelDisk.write(fd, bytes, from, Math.ceil(length / 2), done)
      else done(errorOf('ENOSPC'), 0)
      half = !half
    }
    const waiting = [audit.intent(intentOf()), audit.intent(intentOf())].map(said)
    audit.outcome({ rid: running.rid, outcome: figures })
    assert.deepEqual(await Promise.all(waiting), ['storage_full', 'storage_full'])
    await assert.rejects(audit.intent(intentOf()), full)
    await assert.rejects(audit.append({ type: 'grant' }), full)
    assert.equal(readFileSync(log.segment()).length, before)
    disk.write = kernelDisk.write
    await until(() => log.records().some(({ type, rid }) => type === 'outcome' && rid === running.rid))
    await makeCalls(audit, 3)
    await audit.close()
    assert.deepEqual(log.fatal, [])
    const report = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })
    assert.deepEqual([report.exit, report.findings, report.openIntents], [0, [], 0])
  })

  test('still records what takes authority away', async () => {
    await using log = new TestLog()
    const disk = new FaultyDisk()
    const audit = await log.unsealed({ disk: disk.use })
    let room = false
    disk.write = (...args) => (room ? kernelDisk.write(...args) : args[4](errorOf('ENOSPC'), 0))
    await assert.rejects(audit.intent(intentOf()), full)
    await audit.makeRoom()
    room = true
    const seq = await audit.append({ type: 'revoke', epoch: 8, ev: { agent: 'agent_1' } })
    assert.equal(log.records()[seq]?.type, 'revoke')
  })

  test('that cannot even be cut back ends the process', async () => {
    await using log = new TestLog()
    const disk = new FaultyDisk()
    const audit = await log.unsealed({ disk: disk.use })
    disk.write = (_fd, _bytes, _from, _length, done) => done(errorOf('ENOSPC'), 0)
    disk.truncate = (_fd, _length, done) => done(errorOf('EIO'))
    await assert.rejects(audit.intent(intentOf()), unavailable)
    assert.deepEqual(log.fatal, [75])
  })
})

describe('a disk that fails', () => {
  const faults: readonly (readonly [string, Partial<Disk>])[] = [
    ['a write', { write: (_fd, _bytes, _from, _length, done) => done(errorOf('EIO'), 0) }],
    ['a sync', { sync: (_fd, done) => done(errorOf('EIO')) }],
    ['a sync for want of space', { sync: (_fd, done) => done(errorOf('ENOSPC')) }],
    ['a write that writes nothing', { write: (_fd, _bytes, _from, _length, done) => done(null, 0) }],
  ]
  for (const [what, fault] of faults) {
    test(`at ${what}: ends the process, acknowledges nothing more`, async () => {
      await using log = new TestLog()
      const disk = new FaultyDisk()
      const audit = await log.unsealed({ disk: disk.use })
      Object.assign(disk, fault)
      const waiting = [audit.intent(intentOf()), audit.append({ type: 'grant' }), audit.intent(intentOf())].map(said)
      assert.deepEqual(await Promise.all(waiting), Array(3).fill('audit_unavailable'))
      Object.assign(disk, kernelDisk)
      await assert.rejects(audit.intent(intentOf()), unavailable)
      assert.deepEqual(log.fatal, [75])
    })
  }
})

describe('a disk that does not answer (I-04)', () => {
  /** A log whose sync waits until it is let go, and a clock that the test moves. */
  async function blocked(log: TestLog) {
    const disk = new FaultyDisk()
    const clock = new SetClock()
    const audit = await log.unsealed({ disk: disk.use, clock })
    const held: (() => void)[] = []
    disk.sync = (fd, done) => held.push(() => kernelDisk.sync(fd, done))
    const release = () => {
      disk.sync = kernelDisk.sync
      for (const go of held.splice(0)) go()
    }
    return { audit, clock, release, held }
  }

  test('refuses what waits and what comes, and goes on when it answers; nothing was sent', async () => {
    await using log = new TestLog()
    const { audit, clock, release, held } = await blocked(log)
    const inFlight = intentOf()
    const first = said(audit.intent(inFlight))
    await until(() => held.length === 1)
    const queued = said(audit.intent(intentOf()))
    clock.advance(5_000)
    assert.deepEqual(await Promise.all([first, queued]), ['audit_unavailable', 'audit_unavailable'])
    await assert.rejects(audit.intent(intentOf()), unavailable)
    release()
    await until(() => log.records().at(-1)?.type === 'outcome')
    const { rid, outcome } = log.records().at(-1) ?? {}
    assert.deepEqual([rid, outcome], [inFlight.rid, { error: 'not_sent' }])
    await makeCalls(audit, 2)
    await audit.close()
    assert.deepEqual(log.fatal, [])
    assert.equal((await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })).openIntents, 0)
  })

  test('ends the process after ten seconds', async () => {
    await using log = new TestLog()
    const { audit, clock, release, held } = await blocked(log)
    const waiting = said(audit.intent(intentOf()))
    await until(() => held.length === 1)
    clock.advance(60_000)
    assert.equal(await waiting, 'audit_unavailable')
    await until(() => log.fatal.length > 0)
    release()
    await assert.rejects(audit.intent(intentOf()), unavailable)
    assert.deepEqual(log.fatal, [75])
  })

  test('does not count the time in which the process was stopped', async () => {
    await using log = new TestLog()
    const slow = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'slow-sync-child.ts'), log.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    slow.stdout.on('data', (chunk) => {
      said += chunk
    })
    await until(() => said.includes('syncing'))
    slow.kill('SIGSTOP')
    await pause(11_000)
    slow.kill('SIGCONT')
    await until(() => slow.exitCode !== null)
    assert.deepEqual([slow.exitCode, said.split('\n')], [0, ['syncing', 'written', '']])
  })

  test('refuses at once when too many wait', async () => {
    await using log = new TestLog()
    const { audit, release, held } = await blocked(log)
    const first = said(audit.intent(intentOf()))
    await until(() => held.length === 1)
    const queued = Array.from({ length: 8_193 }, () => said(audit.intent(intentOf())))
    assert.equal(await queued.at(-1), 'audit_unavailable')
    release()
    assert.equal(await first, 'written')
    assert.equal((await Promise.all(queued)).filter((what) => what === 'written').length, 8_192)
  })
})
