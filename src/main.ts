// Starts and ends the process: settings in, exit code out. Everything between is the house's.
import { flushCompileCache } from 'node:module'
import { writeEnvExample } from './env-example.ts'
import { noteFault } from './fault-history.ts'
import { createLog, type Log } from './ground/log.ts'
import { Problem } from './ground/problem.ts'
import type { Secret } from './ground/secret.ts'
import { keepHeapGrowth } from './heap-growth.ts'
import { type House, openHouse } from './house.ts'
import { readyLine, readyText } from './ready.ts'
import { buildRooms } from './rooms.ts'
import { loadSettings, type Settings } from './settings.ts'
import { storageProblem } from './storage/problems.ts'
import type { Opener } from './vault/contract.ts'
import { wake } from './wake.ts'

/** 0 ended as asked · 70 a bug · 74 the database's storage failed · 75 the log's storage failed · 78 configuration or unsafe environment. */
export type ExitCode = 0 | 70 | 74 | 75 | 78

/** Ctrl-C reaches every process of a terminal, and npm passes it on once more: within this time it is one. */
const SAME_SIGNAL_MS = 500

export interface Start {
  /** How it says that it is ready. */
  readonly say?: (house: House) => void
  /** Opens the vault where there is no key file. */
  readonly passphrase?: Secret | undefined
}

/** Runs the gateway in the foreground until it is told to stop. Resolves to the exit code. */
export async function up(settings: Settings, { say = announce, passphrase }: Start = {}): Promise<ExitCode> {
  const log = createLog(settings.log)
  const ended = Promise.withResolvers<ExitCode>()
  guardProcess(log)
  keepHeapGrowth()
  const onFatal = (code: 74 | 75, cause: unknown): never => {
    noteFault(settings.home, Date.now())
    return die(log, code, cause)
  }
  let house: House
  try {
    house = await openHouse({ settings, log, onFatal, passphrase })
    passphrase?.wipe()
  } catch (error) {
    return startFailed(log, error, onFatal)
  }
  writeEnvExample(settings.home)
  stopOnSignal(settings, log, (graceMs, hurry) => {
    house.close(graceMs, hurry).then(
      () => ended.resolve(0),
      (error) => die(log, 70, error),
    )
  })
  process.on('SIGUSR2', () => house.seal('operator'))
  // Said last: whoever reads it may signal us at once.
  say(house)
  flushCompileCache()
  // Once, when nothing waits: what loading and recovering left is a sixth of the resident memory.
  setTimeout(() => globalThis.gc?.(), 500).unref()
  return ended.promise
}

/** Stops at the first signal; a second one hurries: what still runs is ended at once, and on record. */
function stopOnSignal(settings: Settings, log: Log, stop: (graceMs: number, hurry: AbortSignal) => void): void {
  const graceMs = settings.drainSeconds * 1_000
  const hurry = new AbortController()
  let since: number | undefined
  const heard = (signal: string) => {
    if (since === undefined) {
      since = performance.now()
      log.info({ signal, ms: graceMs }, 'stopping: no new calls, running ones have this long')
      stop(graceMs, hurry.signal)
    } else if (performance.now() - since > SAME_SIGNAL_MS && !hurry.signal.aborted) {
      log.info({ signal }, 'stopping at once: the calls that still run are ended')
      hurry.abort()
    }
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => heard(signal))
}

/** Makes the home, its keys and the operator token without serving: for images and scripts. Safe to run again. */
export async function init(settings: Settings): Promise<{ home: string; operatorToken?: string }> {
  const log = createLog(settings.log)
  const house = await openHouse({
    settings: { ...settings, port: 0 },
    log,
    onFatal: (code, cause) => die(log, code, cause),
    serve: false,
  })
  writeEnvExample(settings.home)
  await house.close(0)
  const token = house.firstRun?.operatorToken
  return { home: settings.home, ...(token !== undefined && { operatorToken: token }) }
}

/**
 * A new operator token without a running gateway, for whoever holds the key file or the passphrase; the old one dies.
 * Throws Problem `home_in_use` while a gateway runs, `unseal_failed` where that does not open the vault, `vault_sealed`
 * where the house is not believed.
 */
export async function resetOperatorToken(
  settings: Settings,
  opener: Opener,
): Promise<{ token: string; expiresAt: number }> {
  const log = createLog('error')
  const rooms = await buildRooms({ settings, log, onFatal: (code, cause) => die(log, code, cause) })
  try {
    await rooms.vault.unseal(opener)
    await wake(rooms)
    const by = 'keyFile' in opener ? 'key-file' : 'passphrase'
    const { view, token } = await rooms.identity.resetOperatorToken({ kind: 'system', id: by })
    return { token: token.reveal().toString('ascii'), expiresAt: view.expiresAt }
  } finally {
    await rooms.close()
  }
}

/** stdout is for whoever started us: text for a person at a terminal, one line of JSON for a program. */
function announce(house: House): void {
  process.stdout.write(process.stdout.isTTY ? readyText(house) : readyLine(house))
}

function guardProcess(log: Log): void {
  process.title = 'claviger'
  process.on('uncaughtException', (error) => die(log, 70, error))
  process.on('unhandledRejection', (error) => die(log, 70, error))
}

/** The end when nothing can be trusted any more: no drain, no sync, no second try. */
function die(log: Log, code: ExitCode, cause: unknown): never {
  log.fatal({ err: cause instanceof Error ? cause : new Error(String(cause)), exit: code }, 'stopped at once')
  process.exit(code)
}

function startFailed(log: Log, error: unknown, onFatal: (code: 74 | 75, cause: unknown) => never): ExitCode {
  if (error instanceof Problem) {
    process.stderr.write(
      `claviger: ${error.title} [${error.code}]\n${line('why', error.detail)}${line('hint', error.hint)}`,
    )
    return EXIT_OF[error.code] ?? 78
  }
  const { code, message, syscall, path } = error as NodeJS.ErrnoException
  if (code === 'ERR_SQLITE_ERROR') {
    return startFailed(log, storageProblem('database_damaged', { detail: message }), onFatal)
  }
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    process.stderr.write(`claviger: cannot listen [${code}]\n${line('why', message)}${line('hint', LISTEN_HINT[code])}`)
    return 78
  }
  // A disk that fails while the log is recovered. What is no file of the log says where it lies.
  if (syscall !== undefined) return onFatal(path?.includes('/audit/') === false ? 74 : 75, error)
  return die(log, 70, error)
}

const LISTEN_HINT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program has the port: choose another with CLAVIGER_PORT.',
  EACCES: 'This user may not have the port: choose one from 1024 up with CLAVIGER_PORT.',
  EADDRNOTAVAIL:
    'This machine does not have the address: choose another with CLAVIGER_HOST or CLAVIGER_BRIDGE_LISTEN; a bridge is to be there first.',
}

const EXIT_OF: Readonly<Record<string, ExitCode>> = {
  storage_failed: 74,
  storage_full: 74,
  database_damaged: 74,
  audit_unavailable: 75,
}

function line(name: string, text: string | undefined): string {
  return text === undefined ? '' : `${`  ${name}:`.padEnd(8)}${text}\n`
}

if (import.meta.main) {
  try {
    process.exitCode = await up(loadSettings({ env: process.env }))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    process.stderr.write(
      `claviger: ${error.title} [${error.code}]\n${line('why', error.detail)}${line('hint', error.hint)}`,
    )
    process.exitCode = 78
  }
  // Sockets of clients that went away without a word must not keep a stopped gateway alive.
  process.exit()
}
