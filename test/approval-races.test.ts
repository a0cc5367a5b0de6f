import assert from 'node:assert/strict'
import { test } from 'node:test'
import { approvalRaces, killApprovals } from '../proving/suites/approvals.ts'
import { killSentLater } from '../proving/suites/sent-later.ts'
import { runSeed } from './generators/seeded.ts'

test('a yes is executed once, whoever races for it (G-02)', async () => {
  const figures = await approvalRaces({ approvals: 30, racers: 16 })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
})

test('a yes is executed once at most, whenever the gateway is killed (G-02)', async () => {
  const figures = await killApprovals({ kills: 6, racers: 16, seed: runSeed('approval-kills') })
  console.log(`# ${figures.row()}`, figures.notes.join('; '))
  assert.deepEqual(figures.violations, [])
})

test('a call that the gateway sends is sent once at most, whenever it is killed (G-02)', async () => {
  const figures = await killSentLater({ kills: 6, seed: runSeed('sent-later') })
  console.log(`# ${figures.row()}`, figures.notes.join('; '))
  assert.deepEqual(figures.violations, [])
})
