/**
 * Runs a command in namespaces of its own (bubblewrap), from which the gateway is the only way out. Its invariant: where
 * that cannot be had the command is not run at all.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import { isatty } from 'node:tty'
import { cliProblem } from '../problems.ts'
import { closeInherited, streamsFor } from './descriptors.ts'
import { holds, placesOf, real, secretBelow, wayTo } from './places.ts'
import { callFilter } from './system-calls.ts'

/** Where things are inside. */
export const INSIDE = { socketFolder: '/run/claviger/gateway', ca: '/run/claviger/claviger-ca.pem' } as const

export interface Cage {
  readonly bubblewrap: string
  readonly filter: Buffer
  readonly work: string
  readonly home: string
  readonly read: readonly string[]
  readonly write: readonly string[]
}

export interface CagedCommand {
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly umask: number
  /** Of this run alone, outside: for what is made for it. */
  readonly folder: string
  readonly ca: string
  readonly socketFolder: string
  /** Of the gateway's address inside. */
  readonly port: number
  /** Hidden wherever they are. */
  readonly secret: readonly string[]
}

interface Asked {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Of the gateway: nobody works there. */
  readonly secret: readonly string[]
}

/** Of the whole machine: other processes, devices, everybody's sockets. */
const NEVER = ['/proc', '/sys', '/dev', '/run']
const OWN_FOLDER = resolve(import.meta.dirname, '..', '..', '..')
/** Variables that lead to what is not there: agents that hold keys, buses, screens. */
const LEADING_OUT =
  /^(?:SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|DBUS_.*|XDG_RUNTIME_DIR|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DOCKER_.*|CONTAINER_HOST|KUBECONFIG|CLAVIGER_.*|TMPDIR|TMP|TEMP)$/

/** What a cage is made of. Throws Problems `isolation_unsupported`, `isolation_not_installed`, `isolation_folder_refused`. */
export function cageFor({ env, cwd, read, write, secret }: Asked): Cage {
  const filter = process.platform === 'linux' ? callFilter() : undefined
  if (filter === undefined)
    throw cliProblem('isolation_unsupported', { detail: `This is ${process.platform} on ${process.arch}.` })
  const bubblewrap = (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, 'bwrap'))
    .find((file) => existsSync(file))
  if (bubblewrap === undefined) throw cliProblem('isolation_not_installed')
  const home = real(env.HOME || '/nonexistent')
  const [work, reads, writes] = [real(cwd), read.map(place), write.map(place)]
  for (const folder of [work, ...writes, ...reads])
    if (NEVER.some((one) => holds(one, folder)) || secret.some((one) => holds(real(one), folder)))
      throw cliProblem('isolation_folder_refused', { detail: `${folder} is not shown to any command.` })
  const secrets = secret.flatMap(wayTo)
  for (const folder of [work, ...writes]) {
    if (holds(folder, home) || folder === '/')
      throw cliProblem('isolation_folder_refused', { detail: `${folder} holds more than a command should write to.` })
    // Hidden it would be, but not what lies between: with another name for that, there is another in its place.
    const below = secrets.find((one) => holds(folder, one)) ?? secretBelow(folder, home)
    if (below !== undefined)
      throw cliProblem('isolation_folder_refused', { detail: `${below} lies in ${folder}, which it could write to.` })
  }
  return { bubblewrap, filter, work, home, read: reads, write: writes }
}

function place(path: string): string {
  if (!existsSync(path)) throw cliProblem('file_unreadable', { detail: `${path} is not there.` })
  return real(resolve(path))
}

/** The environment, without what leads to places that are not shown. */
export function cagedEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !LEADING_OUT.test(name)))
}

/** Resolves to the command's exit code. Throws Problems `isolation_refused`, `isolation_folder_refused`, `command_not_started`. */
export async function runCaged(cage: Cage, asked: CagedCommand): Promise<number> {
  closeInherited()
  const streams = streamsFor(asked.folder)
  const filter = readable(asked.folder, 'system-calls.bpf', cage.filter)
  const places = readable(asked.folder, 'arguments', argumentsOf(cage, asked).join('\0'))
  const own = process.umask(asked.umask)
  // A terminal's signals are for the command: bubblewrap would end by them, and the command with it.
  const child = spawn('/bin/sh', ['-c', IGNORING, cage.bubblewrap, '--args', '5', '--', ...firstProgram(asked)], {
    env: asked.env,
    stdio: [...streams.descriptors, 'pipe', filter, places],
  })
  process.umask(own)
  closeSync(filter)
  closeSync(places)
  streams.carry()
  return ended(child, asked.command[0] ?? '').finally(() => streams.over())
}

const IGNORING = `trap '' INT QUIT HUP TERM; exec "$0" "$@"`

function readable(folder: string, name: string, content: string | Buffer): number {
  const file = join(folder, name)
  writeFileSync(file, content, { mode: 0o600 })
  return openSync(file, 'r')
}

/** By a file: the command can read the arguments of its first process, and these tell of the machine. */
function argumentsOf(cage: Cage, { env, ca, socketFolder, secret }: CagedCommand): string[] {
  const { work, home, read, write } = cage
  const path = (env.PATH ?? '').split(delimiter).map(real)
  const own = [OWN_FOLDER, process.execPath]
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...['--die-with-parent', '--cap-drop', 'ALL', '--seccomp', '4'],
    // Without a terminal none is wanted; with one the command is to be its own, and cannot type into it (system-calls.ts).
    ...([0, 1, 2].some((fd) => isatty(fd)) ? [] : ['--new-session']),
    ...placesOf({ home, work, read, write, path, own, secret }),
    ...['--ro-bind', socketFolder, INSIDE.socketFolder, '--ro-bind', ca, INSIDE.ca, '--chdir', work],
  ]
}

function firstProgram({ command, port }: CagedCommand): string[] {
  const relay = [process.execPath, '--', join(import.meta.dirname, 'inside.ts')]
  return [...relay, `${INSIDE.socketFolder}/gateway.sock`, String(port), ...command]
}

function ended(child: ChildProcess, file: string): Promise<number> {
  const channel = child.stdio[3] as Duplex
  let said = ''
  // Whoever is in the cage may write here: the first lines are all that is kept.
  channel.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 256)
  })
  channel.on('error', () => {})
  const pass = (signal: NodeJS.Signals) => {
    const own = signal === 'SIGINT' || signal === 'SIGQUIT'
    if (!own || !isatty(0)) channel.write(`${signal}\n`)
  }
  const signals = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, pass)
  return new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(cliProblem('isolation_refused', { cause })))
    child.once('close', (code, signal) => {
      const failed = /^failed ([A-Z0-9]{1,20})$/m.exec(said)
      if (failed !== null)
        reject(cliProblem('command_not_started', { facts: { command: file, reason: failed[1] as string } }))
      else if (!said.startsWith('ready\n')) reject(cliProblem('isolation_refused'))
      else resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  }).finally(() => {
    for (const signal of signals) process.off(signal, pass)
  })
}
