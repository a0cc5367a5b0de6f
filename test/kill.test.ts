import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killUnderLoad } from '../proving/suites/kill.ts'
import { powerCuts } from '../proving/suites/power-cut.ts'
import { killRenewals } from '../proving/suites/renewals.ts'
import { runSeed } from './generators/seeded.ts'

test('kill -9 under load loses nothing acknowledged and leaves no forward without an intent', async () => {
  const figures = await killUnderLoad({ kills: 10, seed: runSeed('kill') })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
  assert.ok(figures.load > 0)
})

test('kill -9 while a connection is renewed leaves a token set that goes on to work', async () => {
  const figures = await killRenewals({ kills: 5, seed: runSeed('renewals') })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
  assert.ok(figures.load > 0)
})

test('a power cut loses nothing acknowledged and leaves no forward without an intent', async (t) => {
  const figures = await powerCuts({ cuts: 5, seed: runSeed('power-cut') })
  if (figures.skipped !== undefined) {
    t.skip(figures.skipped)
    return
  }
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
})
