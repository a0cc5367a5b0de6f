// Finds a Node that runs this program and becomes it. Plain JavaScript for Node 18 and later: it runs before anything else.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Where Node keeps compiled modules: beside the code, so that who can write the one can write the other. */
export const compileCache = join(root, 'node_modules', '.cache', 'claviger')

/**
 * How a gateway process is started: no inspector by signal, no secrets in reports, no `__proto__`. A young generation of
 * 12 MB instead of 32: what a call makes dies within it, and the rest would only be resident; with 8 MB some of 128 calls at
 * once outlive it, and the old one is collected all the time. Too little survives for helping threads to be worth waking. By how
 * much the old one grows is src/heap-growth.ts's. `--expose-gc` lets the start give back what starting took. Not
 * `--secure-heap`: OpenSSL takes the memory of Argon2id from it, so that any heap of bearable size makes every passphrase fail.
 */
export const gatewayFlags = [
  '--disable-sigusr1',
  '--report-exclude-env',
  '--disable-proto=throw',
  '--max-semi-space-size=12',
  '--no-parallel-scavenge',
  '--heap-growing-percent=70',
  '--expose-gc',
]

/**
 * The environment of a gateway process: fsync, DNS and key stretching share this pool, and four threads are too few; but
 * so many threads must not each keep an arena of memory, and what glibc frees is to go back to the kernel.
 */
export const gatewayEnv = () => ({
  UV_THREADPOOL_SIZE: '16',
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '1048576',
  ...process.env,
})

/** Whether this version text is Node ≥ 24.16. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 16)
}

/** Path of a Node ≥ 24.16: this one, or the one that `npm ci` put beside us; undefined if there is none. */
export function findNode() {
  if (isNewEnough(process.versions.node)) return process.execPath
  const local = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  return existsSync(local) ? local : undefined
}

/**
 * Turns this process into `node args`: by execve where Node has it, so that signals and exit code need no relay;
 * else as a child that gets every signal we get, and whose end is ours.
 */
export function becomeNode(node, args, env = process.env) {
  becomeCommand(node, args, env)
}

/**
 * The same for a gateway, which first gives up the right to drop core files: what it holds in memory must not land on
 * the disk. By way of a shell, because Node has no setrlimit.
 */
export function becomeGateway(node, args, env) {
  becomeCommand('/bin/sh', ['-c', 'ulimit -c 0 2>/dev/null; exec "$0" "$@"', node, ...args], env)
}

/** Whether the kernel would write a core file of this process, by what Linux says of its limits. */
export function maySpillCore() {
  try {
    return !/^Max core file size +0 +/m.test(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return false
  }
}

function becomeCommand(command, args, env) {
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(command, [command, ...args], env)
  }
  const child = spawn(command, args, { stdio: 'inherit', env })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGQUIT']) {
    process.on(signal, () => {
      // A terminal sends these two to the whole group: passing them on would deliver them twice.
      const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT')
      if (!fromTerminal) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    process.stderr.write(`claviger: cannot start ${command}\n  why:  ${error.message}\n`)
    process.exit(78)
  })
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 70) : 128 + (constants.signals[signal] ?? 0))
  })
}
