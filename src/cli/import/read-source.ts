// Reading a file that may be anything: a pipe, a picture, a loop of links, somebody else's. What cannot be read safely is refused.
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Problem } from '../../ground/problem.ts'
import { fileTrouble } from '../file-trouble.ts'
import { cliProblem } from '../problems.ts'

export const MAX_SOURCE_BYTES = 16 * 1_048_576

/** A text file as it was when it was read. */
export interface Source {
  /** With no link in it: the file itself. */
  readonly path: string
  /** What was named; links lead from here to `path`. */
  readonly named: string
  readonly bytes: Buffer
  readonly text: string
  readonly stat: Stats
}

/** Throws Problem `file_unreadable`, which says what the file is instead. */
export function readSource(named: string, maxBytes = MAX_SOURCE_BYTES): Source {
  const path = realPath(named)
  const fd = opened(path, named)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw unreadable(named, stat.isDirectory() ? 'is a folder' : 'is not a plain file')
    if (stat.size > maxBytes) throw unreadable(named, `holds more than ${Math.floor(maxBytes / 1_048_576)} MiB`)
    const bytes = readWhole(fd, stat.size, maxBytes, named)
    if (bytes.includes(0) || !isUtf8(bytes)) throw unreadable(named, 'is not text in UTF-8')
    return { path, named, bytes, text: bytes.toString('utf8'), stat }
  } finally {
    closeSync(fd)
  }
}

/** A file that is read by other means, such as a database: nothing of it is text, and nothing is written to it. */
export function opaqueSource(path: string): Source {
  return { path: realPath(path), named: path, bytes: Buffer.alloc(0), text: '', stat: statSync(path) }
}

/** Whether there is anything of that name, a link that leads nowhere included. */
export function isMissing(error: unknown): boolean {
  const { code } = ((error as Problem).cause ?? {}) as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function realPath(named: string): string {
  try {
    return realpathSync(resolve(named))
  } catch (error) {
    throw unreadable(named, fileTrouble(error), error)
  }
}

function opened(path: string, named: string): number {
  try {
    // Not blocking: a named pipe would be waited for.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw unreadable(named, fileTrouble(error), error)
  }
}

/** A file that grows while it is read is refused too. */
function readWhole(fd: number, size: number, maxBytes: number, named: string): Buffer {
  const bytes = Buffer.alloc(Math.min(size, maxBytes) + 1)
  let length = 0
  for (let got = -1; got !== 0 && length < bytes.length; length += got)
    got = readSync(fd, bytes, length, bytes.length - length, null)
  if (length !== size) throw unreadable(named, 'changed while it was read')
  return bytes.subarray(0, length)
}

function unreadable(named: string, what: string, cause?: unknown): Problem {
  return cliProblem('file_unreadable', { detail: `${named} ${what}.`, cause })
}
