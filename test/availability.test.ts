import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Figures } from '../proving/figures.ts'
import { blockedAddresses } from '../proving/suites/addresses.ts'
import { hardBodies, slowClients } from '../proving/suites/slow-clients.ts'
import { stalledUpstreams } from '../proving/suites/stalls.ts'
import { connectionReuse, largeBodies, longWork } from '../proving/suites/streams.ts'
import { runSeed } from './generators/seeded.ts'

function judge(figures: Figures): void {
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
}

test('upstreams that stall or break end each call as an error and harm no other service', async () => {
  judge(await stalledUpstreams({ concurrent: 20, timed: false }))
})

test('slow clients do not keep a proper one from being served', async () => {
  judge(await slowClients({ connections: 150, forMs: 3_000, timed: false }))
})

test('bodies that are hard to read are refused', async () => {
  judge(await hardBodies({ bodies: 250, seed: runSeed('hard-bodies'), timed: false }))
})

test('large bodies pass both ways unchanged and are not held in memory', async () => {
  judge(await largeBodies({ transfers: 6, mebibytes: 96 }))
})

test('work that is long but never idle is not cut', async () => {
  judge(await longWork({ workMs: 2_500, idleMs: 1_000 }))
})

test('upstream connections are used again, and never for two credentials', async () => {
  judge(await connectionReuse({ calls: 1_500 }))
})

test('no spelling of a blocked address is dialled', async () => {
  judge(await blockedAddresses({ step: 4 }))
})
