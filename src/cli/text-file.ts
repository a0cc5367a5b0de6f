import { fileTrouble } from './file-trouble.ts'
import { cliProblem } from './problems.ts'
import { readSmallFile } from './secret-source.ts'

/** The text of a small file that must be there. Throws the given problem (exit 2: without it nothing can be decided). */
export function readTextFile(
  path: string,
  missing: 'checkpoint_missing' | 'verifier_key_missing' | 'proof_missing',
): string {
  try {
    return readSmallFile(path).toString('utf8')
  } catch (error) {
    throw cliProblem(missing, { detail: (error as Error).message, cause: error })
  }
}

/** The text of a small file that somebody named. Throws Problem `file_unreadable`. */
export function readGivenFile(path: string): string {
  return readSmallFile(path, 'file_unreadable').toString('utf8')
}

/** The attestation of a key in the file that was named, as a member of a body; none for none. Throws Problem `file_not_json`. */
export function attestationIn(path: string | undefined): { attestation?: object } {
  if (path === undefined) return {}
  try {
    return { attestation: JSON.parse(readGivenFile(path)) }
  } catch (error) {
    if (error instanceof SyntaxError)
      throw cliProblem('file_not_json', { detail: `${path} holds no JSON.`, cause: error })
    throw error
  }
}

/** The problem of a file that could not be written. Anything but an error of the file system is thrown as it is. */
export function unwritable(path: string, error: unknown) {
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
  return cliProblem('file_unwritable', { detail: `${path} ${fileTrouble(error, 'cannot be written')}.`, cause: error })
}
