// npm test: installs what tests need where that is allowed, then runs every test. `npm test -- 'src/vault/**/*.test.ts'` runs some.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { builtConsole } from './console.mjs'
import { installForTests } from './install-for-tests.ts'
import { watchTestFiles } from './watch-test-files.ts'

const root = join(import.meta.dirname, '..')
const asked = process.argv.slice(2).filter((arg) => !arg.startsWith('-'))
const flags = process.argv.slice(2).filter((arg) => arg.startsWith('-'))
const patterns =
  asked.length > 0 ? asked : ['src/**/*.test.ts', 'sdk/src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts']
const files = globSync(patterns, { cwd: root }).sort()
if (files.length === 0) {
  console.error(`no test file fits ${patterns.join(' ')}`)
  process.exit(64)
}
await installForTests()
// Once, before files that run at the same time would each do it.
const unbuilt = builtConsole()
if (unbuilt !== undefined) console.error(`tests: the operators’ pages are not built: ${unbuilt}`)

// A developer's own gateway must not lend its settings or tokens to the tests.
const env: Record<string, string | undefined> = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('CLAVIGER_') || name.startsWith('CLAVIGER_TEST_')),
)
// nginx, mkfs and setpriv live where only root's shell looks.
env.PATH = `${env.PATH ?? ''}:/usr/sbin:/sbin`
const child = spawn(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${Math.max(2, Math.min(4, availableParallelism()))}`,
    `--test-reporter=${join(root, 'scripts', 'test-reporter.ts')}`,
    '--test-reporter-destination=stdout',
    '--test-timeout=240000',
    ...flags,
    ...files,
  ],
  { cwd: root, stdio: 'inherit', env },
)
watchTestFiles(child, 300)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.on('exit', (code) => {
  process.exitCode = code ?? 70
})
