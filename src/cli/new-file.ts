import { closeSync, constants, openSync, renameSync, writeSync } from 'node:fs'
import { cliProblem } from './problems.ts'

/** Puts text into a file for this user alone (0600), whole or not at all; one of that name is replaced. Throws Problem `usage`. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}`
  openNewFile(draft).write(text)
  renameSync(draft, path)
}

/** A file that did not exist, for this user alone (0600). Throws Problem `usage`. */
export function openNewFile(path: string): { write(text: string): void } {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  let fd: number
  try {
    fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw cliProblem('usage', {
      detail: `--out: ${path} cannot be made (${code}).`,
      hint: 'Name a file that does not exist yet.',
    })
  }
  return {
    write(text) {
      writeSync(fd, text)
      closeSync(fd)
    },
  }
}
