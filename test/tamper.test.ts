import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Figures } from '../proving/figures.ts'
import { logEdits } from '../proving/suites/log-edits.ts'
import { rollbacks } from '../proving/suites/rollback.ts'
import { editedRows } from '../proving/suites/tamper.ts'
import { runSeed } from './generators/seeded.ts'

function judge(figures: Figures): void {
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
}

test('edited rows grant nothing and send no secret elsewhere', async () => {
  judge(await editedRows({ step: 4 }))
})

test('a database or a log from before is noticed', async () => {
  judge(await rollbacks({ rounds: 1 }))
})

test('edits of the log are found with an old checkpoint, and a torn tail stops nothing', async () => {
  judge(await logEdits({ trials: 1, seed: runSeed('log-edits') }))
})
