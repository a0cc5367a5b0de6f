// The log of an installation of Clauth: how long it is, and whether its chain holds. It stays where it is.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

export interface AuditLook {
  readonly entries: number
  readonly valid: boolean
  readonly brokenAtLine?: number
  readonly reason?: string
}

/** Each line holds the hash of the one before, the first `GENESIS`, and at its end the hash of its own text without that. */
export async function lookAtAudit(path: string): Promise<AuditLook> {
  let entries = 0
  let before = 'GENESIS'
  let broken: Omit<AuditLook, 'entries'> | undefined
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue
    entries += 1
    if (broken !== undefined) continue
    const read = readLine(line)
    const reason =
      read === undefined
        ? 'invalid_json'
        : read.prevHash !== before
          ? 'prevHash mismatch'
          : read.hash !== read.own
            ? 'hash mismatch'
            : undefined
    if (reason !== undefined) broken = { valid: false, brokenAtLine: entries, reason }
    before = read?.hash ?? ''
  }
  return { entries, ...(broken ?? { valid: true }) }
}

function readLine(line: string): { prevHash: unknown; hash: string; own: string } | undefined {
  try {
    const { hash, ...rest } = JSON.parse(line) as Record<string, unknown>
    if (typeof hash !== 'string') return undefined
    return { prevHash: rest.prevHash, hash, own: createHash('sha256').update(JSON.stringify(rest)).digest('hex') }
  } catch {
    return undefined
  }
}
