import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { cliProblem } from './problems.ts'

/** Resolves to the command's exit code, 128 and the signal's number if one ended it. Signals are the command's. */
export function runCommandIn(
  env: NodeJS.ProcessEnv,
  [file = '', ...args]: readonly string[],
  umask: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const own = process.umask(umask)
    const child = spawn(file, args, { stdio: 'inherit', env })
    process.umask(own)
    const pass = (signal: NodeJS.Signals) => {
      // A terminal sends this one to the whole group: passing it on would deliver it twice.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, pass)
    const over = () => {
      for (const signal of signals) process.off(signal, pass)
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      over()
      reject(cliProblem('command_not_started', { facts: { command: file, reason: error.code ?? 'unknown' } }))
    })
    child.once('exit', (code, signal) => {
      over()
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
