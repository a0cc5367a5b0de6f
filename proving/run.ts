// npm run proving -- [suite…] [--share 0.2] [--seed N] [--json FILE] | --list
// Runs the long suites at their full counts (or a share of them) and prints one row each, then the totals.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runSeed } from '../test/generators/seeded.ts'
import type { Figures } from './figures.ts'
import { suites } from './suites.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    share: { type: 'string', default: '1' },
    seed: { type: 'string' },
    json: { type: 'string' },
    list: { type: 'boolean' },
  },
})

if (values.list) {
  console.log(Object.keys(suites).join('\n'))
  process.exit(0)
}
const names = positionals.length === 0 ? Object.keys(suites) : positionals
const unknown = names.filter((name) => !(name in suites))
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(', ')}; there are: ${Object.keys(suites).join(', ')}`)
  process.exit(64)
}
if (values.seed !== undefined) process.env.CLAVIGER_TEST_SEED = values.seed

const share = Number(values.share)
const results: Figures[] = []
for (const name of names) {
  const from = performance.now()
  const figures = await suites[name]!({ seed: runSeed(name), of: (full) => Math.max(1, Math.ceil(full * share)) })
  results.push(figures)
  console.log(figures.row())
  for (const note of figures.notes) console.log(`  ${note}`)
  for (const violation of figures.violations.slice(0, 20)) console.log(`  VIOLATION ${violation}`)
  console.log(`  took ${((performance.now() - from) / 1_000).toFixed(0)} s`)
}

console.log('\nsuite | load held | faults survived | bad inputs tried | lost | leaked | wrong')
for (const figures of results) console.log(figures.row())
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
const skipped = results.filter((figures) => figures.skipped !== undefined).length
const failed = results.filter((figures) => figures.violations.length > 0).length
console.log(
  `${results.length - failed - skipped} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`,
)
process.exit(failed === 0 ? 0 : 1)
