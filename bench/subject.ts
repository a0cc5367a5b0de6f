import { type ChildProcess, spawn } from 'node:child_process'

/** A peer under measurement: something that listens and sends what it gets to the upstream with the credential added. */
export interface Subject {
  readonly name: string
  /** Full URL of the call that is measured. */
  readonly url: string
  /** Header lines the client sends, `name: value`. */
  readonly headers: readonly string[]
  /** Processes whose CPU and memory count; empty where the load goes to the upstream itself. */
  readonly pids: readonly number[]
  /** A wrk script, where the call is not a plain GET. */
  readonly script?: string
  stop(): Promise<void>
}

/** What the upstream wants to see, and the only header by which it answers 200. */
export const CREDENTIAL = 'bench-credential-0123456789'

/** Which cores who runs on: the proxy alone on one, upstream and load on the other. */
export const PROXY_CORE = '0'
export const LOAD_CORE = '1'

export function pinned(
  core: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  return spawn('taskset', ['-c', core, command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
}

/** The first line of stdout that satisfies `wanted`, or an error when the process ends before. */
export function firstLine(child: ChildProcess, wanted: (line: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const line = text.split('\n').slice(0, -1).find(wanted)
      if (line !== undefined) resolve(line)
    })
    child.once('exit', (code) =>
      reject(new Error(`${child.spawnargs.join(' ')} ended with ${code} before it was ready`)),
    )
  })
}

export async function ended(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await exit
}
