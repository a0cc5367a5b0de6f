import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenRaces } from '../proving/suites/token-races.ts'

test('what may be used once has one winner among sixteen processes (F-01, F-09)', async () => {
  const figures = await tokenRaces({ artefacts: 25, racers: 16 })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
  assert.equal(figures.load, 4 * 25 * 16)
})
