/**
 * Which open files of this process a command in a cage gets: what is open leads past every namespace (/proc/self/fd, openat).
 * Its invariant: terminals, pipes and /dev/null, and nothing else.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, type Stats, statSync, unlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { cliProblem } from '../problems.ts'

const O_CLOEXEC = 0o2_000_000

/**
 * Closes what whoever started us left open: what the next program would get besides its first three. What Node opens itself
 * is close-on-exec, all of it. Throws Problem `isolation_refused` where something stays.
 */
export function closeInherited(): void {
  for (const fd of inheritable()) closeSync(fd)
  const [left] = inheritable()
  if (left !== undefined) throw cliProblem('isolation_refused', { detail: `Descriptor ${left} stays open.` })
}

function inheritable(): number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((fd) => fd > 2 && !closesOnExec(fd))
}

function closesOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0
  } catch (error) {
    // Closed since it was listed: the list itself was open then.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
}

export interface Streams {
  /** The command's first three descriptors. */
  readonly descriptors: readonly (number | 'inherit')[]
  /** Once the command has them: closes them here, and carries what comes and goes. */
  carry(): void
  /** Once the command is over: resolves when all that it wrote has been written. */
  over(): Promise<void>
}

/**
 * Files, sockets and devices become pipes to ours: a file that was opened to be read could be opened again to be written,
 * and a socket belongs to the network it was made in. Throws Problems `isolation_refused`, `isolation_folder_refused`.
 */
export function streamsFor(folder: string): Streams {
  const stats = [0, 1, 2].map((fd) => fstatSync(fd)) as [Stats, Stats, Stats]
  if (stats.some((stat) => stat.isDirectory()))
    throw cliProblem('isolation_folder_refused', { detail: 'A folder is open as its input or output.' })
  const asPipe = (fd: number) => (passes(fd, stats[fd] as Stats) ? undefined : pipeIn(folder))
  const [input, output] = [asPipe(0), asPipe(1)]
  // Of one file for both, what is said first is to stand first.
  const errors = output !== undefined && sameFile(stats[1], stats[2]) ? output : asPipe(2)
  const given = [input?.reader, output?.writer, errors?.writer]
  const sinks = [
    output && sinkOf(output, process.stdout),
    errors !== output && errors && sinkOf(errors, process.stderr),
  ]
  const source = input && new Socket({ fd: input.writer, readable: false })
  return {
    descriptors: given.map((fd) => fd ?? 'inherit'),
    carry() {
      for (const fd of new Set(given)) if (fd !== undefined) closeSync(fd)
      if (source !== undefined) feed(source)
    },
    async over() {
      if (source !== undefined) process.stdin.unpipe(source)
      source?.destroy()
      await Promise.all(sinks.map((sink) => sink || undefined))
    },
  }
}

function passes(fd: number, stat: Stats): boolean {
  return isatty(fd) || stat.isFIFO() || (stat.isCharacterDevice() && stat.rdev === statSync('/dev/null').rdev)
}

const sameFile = (one: Stats, other: Stats) => one.dev === other.dev && one.ino === other.ino

interface Pipe {
  readonly reader: number
  readonly writer: number
}

/** Node has pairs of sockets alone, and nobody can open /dev/stdout where that is one. */
function pipeIn(folder: string): Pipe {
  const path = join(folder, 'pipe')
  const { status, error } = spawnSync('mkfifo', ['-m', '600', path], { stdio: 'ignore' })
  if (status !== 0)
    throw cliProblem('isolation_refused', { detail: 'There is no mkfifo to make a pipe with.', cause: error })
  // With both ends open, opening one waits for nobody.
  const both = openSync(path, 'r+')
  const pipe = { reader: openSync(path, 'r'), writer: openSync(path, 'w') }
  closeSync(both)
  unlinkSync(path)
  return pipe
}

/** Resolves when everything has come out of the pipe and been written, or nobody takes it any more. */
function sinkOf({ reader }: Pipe, to: NodeJS.WriteStream): Promise<void> {
  const from = new Socket({ fd: reader, writable: false })
  from.on('error', () => {})
  // Who writes on is told as by a pipe that nobody reads.
  to.once('error', () => from.destroy())
  from.pipe(to, { end: false })
  return new Promise((resolve) => from.once('close', () => to.write('', () => resolve())))
}

function feed(to: Socket): void {
  to.on('error', () => process.stdin.unpipe(to))
  process.stdin.once('error', () => to.end())
  process.stdin.pipe(to)
}
