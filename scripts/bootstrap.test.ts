import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { isNewEnough } from '../bin/run-node.js'

const repository = join(import.meta.dirname, '..')
const root = mkdtempSync(join(tmpdir(), 'claviger-bootstrap-'))
after(() => rmSync(root, { recursive: true }))

/** A Node of this machine that is too old to run the gateway: what a newcomer may have. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .concat('/usr/bin', '/usr/local/bin')
  .map((folder) => join(folder, 'node'))
  .find((path) => existsSync(path) && !isNewEnough(spawnSync(path, ['-p', 'process.versions.node']).stdout.toString()))
const skip = oldNode === undefined && 'no Node older than 24.16 on this machine'

let checkouts = 0
/** A checkout without dependencies of its own; with `linked` it has those of this one. */
function checkout(linked: boolean): string {
  const path = join(root, `checkout-${checkouts++}`)
  mkdirSync(path)
  cpSync(join(repository, 'bin'), join(path, 'bin'), { recursive: true })
  cpSync(join(repository, 'scripts'), join(path, 'scripts'), {
    recursive: true,
    filter: (file) => !file.includes('planted'),
  })
  const own = { name: 'x', version: '1.0.0', dependencies: { y: 'file:y' } }
  const packages = { '': own, y: { version: '1.0.0' }, 'node_modules/y': { resolved: 'y', link: true } }
  mkdirSync(join(path, 'y'))
  writeFileSync(join(path, 'y', 'package.json'), JSON.stringify({ name: 'y', version: '1.0.0' }))
  writeFileSync(join(path, 'package.json'), JSON.stringify({ ...own, type: 'module' }))
  if (linked) cpSync(join(repository, 'package-lock.json'), join(path, 'package-lock.json'))
  else writeFileSync(join(path, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, requires: true, packages }))
  if (linked) symlinkSync(join(repository, 'node_modules'), join(path, 'node_modules'))
  return path
}

/** A script that says how it was started, and then waits for SIGTERM if it was told to. */
function script(path: string): string {
  const file = join(path, 'say.ts')
  writeFileSync(
    file,
    `const said: object = { version: process.versions.node, args: process.argv.slice(2), pool: process.env.UV_THREADPOOL_SIZE, flags: process.execArgv }
     process.on('SIGTERM', () => process.exit(5))
     process.stdout.write(JSON.stringify(said) + '\\n')
     if (process.argv.includes('wait')) setInterval(() => {}, 1000)
     else process.exit(7)`,
  )
  return file
}

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(node: string, args: readonly string[], stopWhen?: RegExp): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      if (stopWhen?.test(stdout)) child.kill('SIGTERM')
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

describe('scripts/bootstrap.mjs', () => {
  test('installs what the lockfile names, links the command, and hands arguments and exit code through', async () => {
    const path = checkout(false)
    const { code, stdout, stderr } = await run(process.execPath, [
      join(path, 'scripts/bootstrap.mjs'),
      script(path),
      'a',
      'b c',
    ])
    assert.equal(code, 7, stderr)
    assert.match(stderr, /npm ci/)
    assert.deepEqual(JSON.parse(stdout).args, ['a', 'b c'])
    assert.equal(readlinkSync(join(path, 'node_modules/.bin/claviger')), '../../bin/claviger.js')
    const again = await run(process.execPath, [join(path, 'scripts/bootstrap.mjs'), script(path)])
    assert.deepEqual([again.code, again.stderr], [7, ''])
  })

  test('runs the script with the Node that was installed, and passes SIGTERM on', { skip }, async () => {
    const path = checkout(true)
    const ran = await run(oldNode!, [join(path, 'scripts/bootstrap.mjs'), script(path), 'wait'], /\n$/)
    assert.equal(ran.code, 5, ran.stderr)
    assert.ok(isNewEnough(JSON.parse(ran.stdout).version), ran.stdout)
  })

  test('ends with 78 where no new enough Node can be had', { skip }, async () => {
    const path = checkout(false)
    const { code, stderr } = await run(oldNode!, [join(path, 'scripts/bootstrap.mjs'), script(path)])
    assert.equal(code, 78)
    assert.match(stderr, /\[node_too_old\]/)
  })
})

describe('bin/claviger.js', () => {
  test('ends with 78 on an old Node with no other, before it imports anything', { skip }, async () => {
    const path = checkout(false)
    const { code, stderr } = await run(oldNode!, [join(path, 'bin/claviger.js'), '--version'])
    assert.equal(code, 78)
    assert.match(stderr, /\[node_too_old\]/)
  })

  test('finds the Node that was installed', { skip }, async () => {
    const { code, stdout } = await run(oldNode!, [join(repository, 'bin/claviger.js'), '--version'])
    assert.deepEqual([code, stdout], [0, '0.1.0\n'])
  })

  test('keeps --env-file, which Node has too, for itself', async () => {
    const { code, stderr } = await run(join(repository, 'bin/claviger.js'), ['config', '--env-file', '/no/such/file'])
    assert.equal(code, 78, stderr)
    assert.match(stderr, /\[env_file_invalid\]/)
  })
})

test('isNewEnough() wants 24.16', () => {
  assert.deepEqual(['20.20.2', '24.15.0', '24.16.0', '24.21.1', '26.0.0', ''].map(isNewEnough), [
    false,
    false,
    true,
    true,
    true,
    false,
  ])
})
