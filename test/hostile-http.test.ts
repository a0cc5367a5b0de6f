import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostileHttp } from '../proving/suites/hostile-http.ts'
import { secondHops } from '../proving/suites/second-hop.ts'
import { runSeed } from './generators/seeded.ts'

test('hostile requests never crash the gateway, get through it changed, or reach another origin', async () => {
  const figures = await hostileHttp({ count: 3_000, seed: runSeed('hostile-http') })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
  assert.ok(figures.inputs >= 3_000)
  assert.ok(figures.load > 100, 'hardly anything was forwarded: the good cases are not good')
})

test('what leaves the gateway means the same to the readers behind it', async () => {
  const figures = await secondHops({ count: 1, seed: runSeed('second-hop') })
  console.log(`# ${figures.row()}; ${figures.notes.join('; ')}`)
  assert.deepEqual(figures.violations, [])
  assert.ok(figures.load > 10)
})
