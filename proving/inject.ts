import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Which system calls fail or wait, and how: strace's own words, e.g. `fdatasync` and `error=EIO:when=3`. Threads count apart. */
export interface Injection {
  readonly calls: string
  readonly effect: string
  /** Only calls on this file. */
  readonly file?: string
}

const straceFlags = ({ calls, effect, file }: Injection): string[] => [
  ...(file === undefined ? [] : ['-P', file]),
  '-f',
  '--seccomp-bpf',
  '-qq',
  '-o',
  '/dev/null',
  '-e',
  `trace=${calls}`,
  '-e',
  `inject=${calls}:${effect}`,
]

/** Put before a command: it runs under the fault from its first instruction, and keeps its process id. */
export function injecting(injection: Injection): string[] {
  return ['strace', '-D', ...straceFlags(injection)]
}

/** Lays the fault on a process that runs. Resolves when all its threads are traced. */
export async function injectInto(pid: number, injection: Injection): Promise<ChildProcess> {
  const flags = straceFlags(injection).filter((flag) => flag !== '--seccomp-bpf' && flag !== '-qq')
  const tracer = spawn('strace', [...flags, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] })
  await Promise.race([once(tracer.stderr!, 'data'), once(tracer, 'close')])
  tracer.stderr!.resume()
  return tracer
}

/** Why faults cannot be injected here, or undefined. */
export function noInjection(): string | undefined {
  const args = [...injecting({ calls: 'fdatasync', effect: 'error=EIO:when=1' }), 'true']
  const probe = spawnSync(args[0]!, args.slice(1), { encoding: 'utf8' })
  if (probe.error !== undefined) return 'strace is not installed'
  return probe.status === 0 ? undefined : `strace cannot trace here: ${probe.stderr.trim()}`
}
