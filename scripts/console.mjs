// The operators' pages: built from console/ into console/dist when that is missing or of other sources. Plain JavaScript for Node 18 and later.
// `node scripts/console.mjs dev` runs Vite's server beside a gateway.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNode, root } from '../bin/run-node.js'
import { fitsLockfile, npmCi } from './install.mjs'

const folder = join(root, 'console')
const dist = join(folder, 'dist')
/** Says which sources it was built of. */
const STAMP = '.built-from'
/** What the pages are made of; the interfaces of the gateway that they read are types alone. */
const sources = ['src', 'public', 'index.html', 'package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.js']

/** Builds if it must. Gives what went wrong, in words; a gateway without these pages works all the same. */
export function builtConsole() {
  if (!existsSync(join(folder, 'index.html'))) return undefined
  const wanted = hashOfSources()
  if (isBuiltFrom(wanted)) return undefined
  const missing = consoleInstalled()
  if (missing !== undefined) return missing
  process.stderr.write('claviger: building the operators’ pages …\n')
  const made = join(folder, `dist-${process.pid}`)
  try {
    const { status, stderr } = vite(['build', '--logLevel', 'error', '--outDir', made], 'pipe')
    if (status !== 0) return `vite ended with ${status}: ${stderr}`
    writeFileSync(join(made, STAMP), wanted)
    return putInPlace(made)
  } catch (error) {
    return error.message
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

/** What they are built with, in console/node_modules. Gives what went wrong, in words. */
export function consoleInstalled() {
  return fitsLockfile(folder) || npmCi(folder) ? undefined : 'npm ci failed in console/'
}

/** Another process may have built the same meanwhile. */
function putInPlace(made) {
  rmSync(dist, { recursive: true, force: true })
  try {
    renameSync(made, dist)
  } catch (error) {
    if (!existsSync(join(dist, STAMP))) throw error
  }
}

function isBuiltFrom(wanted) {
  try {
    return readFileSync(join(dist, STAMP), 'utf8') === wanted
  } catch {
    return false
  }
}

/** By content and not by time: a checkout, a copy and an unpacked package give files times of their own. */
function hashOfSources() {
  const hash = createHash('sha256')
  for (const path of sources.flatMap((name) => filesIn(join(folder, name)))) {
    const bytes = readFileSync(path)
    hash.update(`${relative(folder, path)}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}

function filesIn(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)))
}

function vite(args, stdio) {
  const command = join(folder, 'node_modules', 'vite', 'bin', 'vite.js')
  return spawnSync(findNode() ?? process.execPath, [command, ...args], {
    cwd: folder,
    stdio: ['ignore', stdio === 'pipe' ? 'ignore' : 2, stdio === 'pipe' ? 'pipe' : 2],
    encoding: 'utf8',
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const trouble = process.argv[2] === 'dev' ? consoleInstalled() : builtConsole()
  if (trouble === undefined && process.argv[2] === 'dev') process.exitCode = vite([], 'inherit').status ?? 70
  if (trouble !== undefined) {
    process.stderr.write(`claviger: the operators’ pages are not built [console_unbuilt]\n  why:  ${trouble}\n`)
    process.exitCode = 70
  }
}
