// Putting other bytes into a file whole or not at all: a draft beside it, synced, renamed over it, the folder synced.
// Invariant: the file that is replaced is the one that was read, it keeps its mode and owner, and no other name leads to it.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { cliProblem } from '../problems.ts'
import { readSource, type Source } from './read-source.ts'

/** The name of the draft: known from the file and the journal alone, so that one that a crash left behind is found. */
export function draftOf(path: string, journal: string): string {
  return join(dirname(path), `.${basename(path)}.${journal}.draft`)
}

/** Why this file cannot be replaced; undefined if it can. */
export function irreplaceable({ stat }: Pick<Source, 'stat'>): string | undefined {
  const uid = process.getuid?.() ?? 0
  if (uid !== 0 && stat.uid !== uid) return 'belongs to another user'
  if (stat.nlink > 1) return 'has another hard link, which would keep the plaintext'
  return undefined
}

/**
 * Throws Problem `import_file_changed` if the file is not what was read, `file_unwritable` if it cannot be done. `mode` is
 * the file's own unless said otherwise. After a throw the file is as it was.
 */
export function replaceSource(source: Source, bytes: Buffer, journal: string, mode = source.stat.mode): void {
  const draft = draftOf(source.path, journal)
  try {
    rmSync(draft, { force: true })
    writeDraft(draft, bytes, source.stat, mode)
    refuseChanged(source)
    renameSync(draft, source.path)
    syncFolder(dirname(source.path))
  } catch (error) {
    rmSync(draft, { force: true })
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    throw cliProblem('file_unwritable', { detail: `${source.path} cannot be replaced (${code}).`, cause: error })
  }
}

function writeDraft(draft: string, bytes: Buffer, stat: Stats, mode: number): void {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  const fd = openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    writeWhole(fd, bytes)
    const uid = process.getuid?.() ?? stat.uid
    if (stat.uid !== uid || stat.gid !== process.getgid?.()) fchownSync(fd, stat.uid, stat.gid)
    fchmodSync(fd, mode & 0o7777)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Nothing was written to it in between, and it is still the same file. */
export function refuseChanged(source: Source): void {
  const now = readSource(source.path)
  if (now.stat.ino === source.stat.ino && now.stat.dev === source.stat.dev && now.bytes.equals(source.bytes)) return
  throw cliProblem('import_file_changed', { detail: `${source.path} was changed meanwhile.` })
}

export function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
