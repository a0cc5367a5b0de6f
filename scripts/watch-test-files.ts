// Ends test files that do not end. node's --test-timeout fails a test and goes on waiting for the file's process, for ever
// where a timer or a connection is left open: a run that hangs says nothing, and a machine may wait an hour for it.
import type { ChildProcess } from 'node:child_process'
import { spawnSync } from 'node:child_process'

interface Process {
  readonly pid: number
  readonly parent: number
  readonly seconds: number
  readonly command: string
}

/** Kills each file that runs longer than `mostSeconds`, with all that it started, and names on stderr what ran. */
export function watchTestFiles(runner: ChildProcess, mostSeconds: number): void {
  const timer = setInterval(() => {
    const all = processes()
    for (const file of all.filter(({ parent, seconds }) => parent === runner.pid && seconds > mostSeconds)) {
      const family = withOffspring(file, all)
      console.error(`tests: not over after ${mostSeconds} s, killed:`)
      for (const { pid, command } of family) {
        console.error(`  ${pid} ${command.slice(-200)}`)
        kill(pid)
      }
    }
  }, 5_000)
  runner.once('exit', () => clearInterval(timer))
}

function processes(): readonly Process[] {
  const lines =
    spawnSync('ps', ['-A', '-o', 'pid=,ppid=,etimes=,args='], { encoding: 'utf8' }).stdout?.split('\n') ?? []
  return lines.flatMap((line) => {
    const [, pid, parent, seconds, command = ''] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), seconds: Number(seconds), command }]
  })
}

function withOffspring(first: Process, all: readonly Process[]): readonly Process[] {
  return [first, ...all.filter(({ parent }) => parent === first.pid).flatMap((child) => withOffspring(child, all))]
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}
