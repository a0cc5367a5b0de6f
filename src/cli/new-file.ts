import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { fileTrouble } from './file-trouble.ts'
import { cliProblem } from './problems.ts'

/** Puts text into a file for this user alone (0600), whole or not at all; one of that name is replaced. Throws Problem `usage`. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}`
  openNewFile(draft).write(text)
  renameSync(draft, path)
}

export interface NewFile {
  write(content: string | Uint8Array): void
  /** For `catch`: takes the empty file away, so that the command can be given again, and throws on. */
  readonly drop: (error: unknown) => never
}

/** A file that did not exist, for this user alone (0600). Throws Problem `usage`. */
export function openNewFile(path: string): NewFile {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  let fd: number
  try {
    fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  } catch (error) {
    throw cliProblem('usage', {
      detail: `--out: ${path} ${fileTrouble(error, 'cannot be made')}.`,
      hint: 'Name a file that does not exist yet, in a folder that does.',
    })
  }
  return {
    write(content) {
      const bytes = Buffer.from(content)
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
      closeSync(fd)
    },
    drop(error) {
      closeSync(fd)
      rmSync(path, { force: true })
      throw error
    },
  }
}
