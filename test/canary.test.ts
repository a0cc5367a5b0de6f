import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canaryLife } from '../proving/suites/canary.ts'

test('a credential is found at its upstream and nowhere else, in 14 encodings', async () => {
  const figures = await canaryLife({ credentials: 20, splitStep: 29 })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
})
