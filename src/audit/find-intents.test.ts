import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hastyDisk, intentOf, TestLog } from './audit.support.ts'
import { findIntents } from './find-intents.ts'

describe('findIntents()', () => {
  test('finds those that are there, and no others, whatever an agent wrote into its path', async () => {
    await using log = new TestLog()
    const audit = await log.unsealed({ disk: hastyDisk })
    const there = ['call_aaaaaa000001', 'call_aaaaaa000002', 'call_bbbbbb000001']
    for (const rid of there) await audit.intent({ ...intentOf('/x'), rid })
    const liar = '/","rid":"call_cccccc000001","type":"intent"'
    await audit.intent({ ...intentOf(liar), rid: 'call_dddddd000001' })
    audit.deny({ rid: 'call_eeeeee000001', reason: 'no_grant', policy: 1 })
    await audit.close()
    const absent = ['call_aaaaaa000003', 'call_cccccc000001', 'call_eeeeee000001', '']
    assert.deepEqual([...(await findIntents(log.dir, [...there, ...absent]))].sort(), there)
    assert.equal((await findIntents(log.dir, [])).size, 0)
    assert.equal((await findIntents(`${log.dir}-none`, there)).size, 0)
  })
})
