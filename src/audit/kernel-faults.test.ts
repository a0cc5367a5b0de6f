import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { until } from '../../test/instruments/wait.ts'
import { figures, intentOf, keys, proving, TestLog, vkey } from './audit.support.ts'
import type { OpenedAudit } from './audit.ts'
import { verifyLog } from './verify.ts'

const child = join(import.meta.dirname, 'testing', 'audit-child.ts')

/** Why strace cannot be used here; undefined if it can. */
const noStrace = (() => {
  const { error, status } = spawnSync('strace', ['-e', 'trace=none', '/bin/true'])
  return error ? 'strace is not installed' : status === 0 ? undefined : 'strace may not trace here'
})()

interface Ran {
  readonly code: number | null
  readonly lines: readonly string[]
}

function straced(log: TestLog, inject: string, calls: number): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const args = [
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      `inject=${inject}`,
      process.execPath,
      child,
      log.root,
      String(calls),
    ]
    // One thread, so that the kernel counts the syncs as the log makes them.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
    const traced = spawn('strace', args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    traced.stdout.on('data', (chunk) => {
      output += chunk
    })
    traced.on('error', reject)
    traced.on('close', (code) => resolve({ code, lines: output.split('\n') }))
  })
}

/** Everything the child acknowledged is in the log that recovery makes of what it left. */
async function acknowledgedAreThere(log: TestLog, { lines }: Ran): Promise<number> {
  const acks = lines.flatMap((line) => /^ack (\d+)$/.exec(line)?.[1] ?? []).map(Number)
  const audit = await log.unsealed()
  await audit.close()
  const records = log.records()
  for (const seq of acks) assert.equal(records[seq]?.type, 'intent', `seq ${seq}`)
  const report = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail, full: true })
  assert.deepEqual([report.exit, report.findings, report.openIntents], [0, [], 0])
  return acks.length
}

describe('faults made by the kernel', { skip: noStrace }, () => {
  for (const k of proving ? Array.from({ length: 40 }, (_, i) => i + 1) : [8, 15]) {
    test(`EIO at sync ${k}: exit 75, nothing acknowledged afterwards is missing`, async () => {
      await using log = new TestLog()
      const ran = await straced(log, `fdatasync:error=EIO:when=${k}`, 60)
      assert.equal(ran.code, 75)
      const fatal = ran.lines.indexOf('fatal 75')
      assert.ok(!ran.lines.slice(fatal).some((line) => line.startsWith('ack')))
      await acknowledgedAreThere(log, ran)
    })
  }

  test('a sync that takes three seconds: refused, then on again', async () => {
    await using log = new TestLog()
    const ran = await straced(log, 'fdatasync:delay_exit=3000000:when=12', 60)
    assert.equal(ran.code, 0)
    assert.ok(ran.lines.includes('refused audit_unavailable'))
    assert.ok((await acknowledgedAreThere(log, ran)) > 10)
  })
})

/** Mounts a small tmpfs; undefined if that is not permitted. */
function mountSmall(folder: string): (() => void) | undefined {
  mkdirSync(folder)
  const { error, status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'claviger-test', folder])
  if (error || status !== 0) return undefined
  return () => void spawnSync('umount', ['-l', folder])
}

describe('a full file system (J-04)', () => {
  const cycles = proving ? 50 : 4
  const RESERVE = 512 * 1_024

  test(`filled and freed ${cycles} times: refuses, records the revocation, resumes`, async (t) => {
    await using outer = new TestLog()
    const folder = join(outer.root, 'small')
    const unmount = mountSmall(folder)
    if (unmount === undefined) {
      t.skip('mounting a tmpfs is not permitted')
      return
    }
    try {
      const log = new TestLog(folder)
      const audit = await log.unsealed({ reserveBytes: RESERVE })
      for (let cycle = 0; cycle < cycles; cycle += 1) await fillAndFree(audit, folder)
      await audit.close()
      const report = await verifyLog({ dir: log.dir, vkey, tailKey: keys.auditTail })
      assert.deepEqual([report.exit, report.findings, report.openIntents, log.fatal], [0, [], 0, []])
      const records = log.records()
      assert.equal(records.filter(({ type }) => type === 'revoke').length, cycles)
    } finally {
      unmount()
    }
  })

  async function call(audit: OpenedAudit): Promise<string> {
    const intent = intentOf()
    const said = await audit.intent(intent).then(
      () => 'written',
      (error) => error.code,
    )
    if (said === 'written') audit.outcome({ rid: intent.rid, outcome: figures })
    return said
  }

  async function fillAndFree(audit: OpenedAudit, folder: string): Promise<void> {
    // The reserve is written again before anything is forwarded.
    const reserve = () => statSync(join(folder, 'n1', 'reserve'), { throwIfNoEntry: false })?.size
    await until(async () => (await call(audit)) === 'written' && reserve() === RESERVE)
    const ballast = join(folder, 'ballast')
    for (const piece of [Buffer.alloc(65_536), Buffer.alloc(4_096), Buffer.alloc(512)]) {
      try {
        for (;;) appendFileSync(ballast, piece)
      } catch {
        // Full with pieces of this size.
      }
    }
    await until(async () => (await call(audit)) !== 'written')
    assert.equal(await call(audit), 'storage_full')
    await audit.append({ type: 'revoke', epoch: 7, ev: { agent: 'agent_1' } })
    assert.equal(await call(audit), 'storage_full')
    rmSync(ballast)
  }
})
