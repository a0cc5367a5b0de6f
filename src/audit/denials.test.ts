import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '../../test/instruments/wait.ts'
import { SetClock } from '../ground/clock.ts'
import { hastyDisk, proving, TestLog, vkey } from './audit.support.ts'
import type { DenyRecord } from './contract.ts'
import { verifyLog } from './verify.ts'

function denialOf(agent: string, reason: string): DenyRecord {
  return {
    rid: 'call_x',
    actor: { kind: 'agent', id: agent, key: 'tok_1' },
    req: { service: 'demo', method: 'GET', origin: '', path: '/' },
    reason,
    policy: 7,
  }
}

/** Denials that a log speaks of, one by one or in sums. */
function counted(log: TestLog): { records: number; total: number } {
  const denials = log.records().filter(({ type }) => type === 'deny')
  return { records: denials.length, total: denials.reduce((sum, { ev }) => sum + (ev?.count ?? 1), 0) }
}

describe('denials', () => {
  const flood = proving ? 1_000_000 : 10_000

  test(`${flood} of one agent become few records, and the sum is exact (I-07)`, async () => {
    await using log = new TestLog()
    const clock = new SetClock()
    const audit = await log.unsealed({ clock, disk: hastyDisk })
    for (let i = 0; i < flood; i += 1) {
      if (i % (flood / 5) === 0) {
        // With a write on its way, a minute that passes at once would look like a disk that does not answer.
        await audit.append({ type: 'config', ev: { what: 'minute' } })
        clock.advance(60_000)
      }
      audit.deny(denialOf(`agent_${i % 3}`, i % 2 === 0 ? 'scope_not_granted' : 'rate_limited'))
      if (i % 1_000 === 0) await new Promise(setImmediate)
    }
    await audit.close()
    const { records, total } = counted(log)
    assert.equal(total, flood)
    assert.ok(records <= 10_000, `${records} records`)
    assert.equal((await verifyLog({ dir: log.dir, vkey })).exit, 0)
  })

  test('up to a hundred stand there whole, without what is empty', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    for (let i = 0; i < 100; i += 1) audit.deny(denialOf('agent_1', 'scope_not_granted'))
    await audit.close()
    assert.deepEqual(counted(log), { records: 100, total: 100 })
    const [first] = log.records().filter(({ type }) => type === 'deny')
    assert.deepEqual(first?.decision, { effect: 'deny', policy: 7, reasons: ['scope_not_granted'] })
    assert.deepEqual(first?.req, { method: 'GET', path: '/', service: 'demo' })
  })

  test('of nobody known are summed too, and hostile text does not stop the log', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    const { actor: _, ...nobody } = denialOf('', 'unauthenticated')
    const req = { service: '\ud800"\u0000', method: 'GET', origin: '', path: `/${'\u202e'.repeat(9_000)}` }
    for (let i = 0; i < 150; i += 1) audit.deny({ ...nobody, req })
    await audit.close()
    assert.equal(counted(log).total, 150)
    assert.equal((await verifyLog({ dir: log.dir, vkey })).exit, 0)
  })

  test('are counted while the log cannot be written', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed()
    await audit.makeRoom()
    for (let i = 0; i < 50; i += 1) audit.deny(denialOf('agent_1', 'rate_limited'))
    await until(() =>
      audit.append({ type: 'auth' }).then(
        () => true,
        () => false,
      ),
    )
    await audit.close()
    assert.equal(counted(log).total, 50)
  })
})
