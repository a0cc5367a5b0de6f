import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { LOAD_CORE, type Subject } from './subject.ts'

const run = promisify(execFile)

/** Before what is measured: until what runs is compiled. */
export const WARM_UP_SECONDS = 4

export interface Sample {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU of the subject per request, all threads, user and system; undefined where the subject is the upstream itself. */
  readonly cpuUs: number | undefined
  /** Share of the one core that the subject used: below 0.95 at saturation somebody else took the rest. */
  readonly busy: number | undefined
  /** Answers that were not 2xx, and socket errors. Anything but 0 makes the run worthless. */
  readonly failed: number
}

const TICK_US = 10_000

/** CPU of the processes so far, microseconds. */
export function cpuUs(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * TICK_US
}

/** Resident memory of the processes, MB (10⁶ bytes). */
export function rssMb(subject: Subject): number {
  let kib = 0
  for (const pid of subject.pids) {
    kib += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  }
  return (kib * 1024) / 1e6
}

/** Loads the subject with wrk, one thread, pinned to the load core. */
export async function measure(subject: Subject, connections: number, seconds: number): Promise<Sample> {
  const { script } = subject
  const headers = subject.headers.flatMap((line) => ['-H', line])
  const before = cpuUs(subject.pids)
  const args = [
    '-c',
    LOAD_CORE,
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '--timeout',
    '10s',
    ...headers,
  ]
  const { stdout } = await run('taskset', [...args, ...(script === undefined ? [] : ['-s', script]), subject.url])
  const used = cpuUs(subject.pids) - before
  const total = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  const elapsed = Number(/requests in ([\d.]+)s/.exec(stdout)?.[1] ?? seconds)
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    cpuUs: subject.pids.length === 0 || total === 0 ? undefined : used / total,
    busy: subject.pids.length === 0 ? undefined : used / (elapsed * 1e6),
    failed: failures(stdout),
  }
}

function failures(stdout: string): number {
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  return bad + (errors === null ? 0 : errors.slice(1).reduce((sum, text) => sum + Number(text), 0))
}

function milliseconds(text: string | undefined): number {
  const match = /^([\d.]+)(us|ms|s)$/.exec(text ?? '')
  if (match === null) return Number.NaN
  const scale = { us: 0.001, ms: 1, s: 1_000 }[match[2] as 'us' | 'ms' | 's']
  return Number(match[1]) * scale
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
