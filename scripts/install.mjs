// Installs what package-lock.json names, when node_modules does not hold it yet. Plain JavaScript for Node 18 and later.
import { spawnSync } from 'node:child_process'
import { lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { compileCache, findNode, root } from '../bin/run-node.js'

/** Makes node_modules fit the lockfile and gives the Node to run with. Ends the process (78) if that cannot be done. */
export function installed() {
  const fresh = !fitsLockfile() || findNode() === undefined
  if (fresh && !npmCi()) process.exit(78)
  linkCommand()
  const node = findNode()
  if (fresh && node !== undefined) compile(node)
  if (node !== undefined) return node
  process.stderr.write(
    `claviger: no Node 24.16 or later for ${process.platform}-${process.arch} [node_too_old]\n` +
      `  why:  this is ${process.versions.node}, and npm has no Node for this platform\n` +
      '  hint: install Node 24 and run this again\n',
  )
  process.exit(78)
}

/** npm keeps in node_modules a copy of the lockfile entries it installed: they must say the same as ours. */
export function fitsLockfile(folder = root) {
  const wanted = packagesOf(join(folder, 'package-lock.json'))
  const present = packagesOf(join(folder, 'node_modules', '.package-lock.json')) ?? {}
  if (wanted === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = present[path]
    return found === undefined ? entry.optional === true : found.integrity === entry.integrity
  })
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Says on stderr what went wrong, where something does. */
export function npmCi(folder = root) {
  process.stderr.write(`claviger: installing dependencies${folder === root ? '' : ' of the console'} (npm ci) …\n`)
  const args = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  // What npm says is talk: it goes to stderr, so that stdout holds results only.
  const { status, error } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2] })
  if (status === 0) return true
  process.stderr.write(
    `claviger: npm ci failed [install_failed]\n  why:  ${error?.message ?? `it ended with ${status}`}\n` +
      '  hint: check the network and the registry, then run this again\n',
  )
  return false
}

/** Compiles the gateway once into its cache. If that fails, the first start does it. */
function compile(node) {
  const code = `import { enableCompileCache } from 'node:module'; enableCompileCache(${JSON.stringify(compileCache)}); await import('./src/main.ts')`
  spawnSync(node, ['--input-type=module', '-e', code], { cwd: root, stdio: 'ignore' })
}

/** npm does not link a project's own command, and without the link `npx claviger` would install a copy first. */
function linkCommand() {
  const folder = join(root, 'node_modules', '.bin')
  const link = join(folder, 'claviger')
  try {
    lstatSync(link)
  } catch {
    try {
      mkdirSync(folder, { recursive: true })
      symlinkSync('../../bin/claviger.js', link)
    } catch {
      // A read-only checkout: `node bin/claviger.js` works all the same.
    }
  }
}
