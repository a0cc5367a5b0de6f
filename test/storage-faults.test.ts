import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Figures } from '../proving/figures.ts'
import { blockedLog } from '../proving/suites/blocked-log.ts'
import { fullDisk } from '../proving/suites/full-disk.ts'
import { storageFaults } from '../proving/suites/storage-faults.ts'
import { runSeed } from './generators/seeded.ts'

function judge(t: TestContext, figures: Figures): void {
  if (figures.skipped !== undefined) {
    t.skip(figures.skipped)
    return
  }
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
  assert.ok(figures.faults > 0)
}

test('failing and slow syncs and writes never make the gateway acknowledge or forward what is not on disk', async (t) => {
  judge(t, await storageFaults({ injections: 10, seed: runSeed('storage-faults') }))
})

test('a full disk refuses calls, still revokes, and serves again when there is room', async (t) => {
  judge(t, await fullDisk({ cycles: 3 }))
})

test('a log whose syncs never return refuses calls instead of hanging them', async (t) => {
  judge(t, await blockedLog({ withinMs: 20_000 }))
})
