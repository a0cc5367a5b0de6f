// The log of an installation of agentic-credential-vault: how long it is, and its hash. It has no chain, and stays where it is.
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { cliProblem } from '../problems.ts'

export interface VaultLog {
  /** Lines that are not empty. */
  readonly rows: number
  readonly bytes: number
  /** Hex, of the file's bytes. */
  readonly sha256: string
}

const [LINE_FEED, SPACE] = [10, 32]

/** Undefined where there is none. Read as a stream: it may be as long as the installation is old. */
export async function lookAtLog(path: string): Promise<VaultLog | undefined> {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (!stat.isFile()) throw cliProblem('file_unreadable', { detail: `${path} is not a plain file.` })
  const hash = createHash('sha256')
  let [rows, bytes, filled] = [0, 0, false]
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    for (const byte of chunk) {
      if (byte !== LINE_FEED) filled ||= byte > SPACE
      else {
        if (filled) rows += 1
        filled = false
      }
    }
  }
  return { rows: filled ? rows + 1 : rows, bytes, sha256: hash.digest('hex') }
}
