/** What an error of the database means for us. */
export type FaultKind = 'fatal' | 'full' | 'busy' | 'other'

const PRIMARY: Readonly<Record<number, FaultKind>> = {
  5: 'busy', // SQLITE_BUSY
  6: 'busy', // SQLITE_LOCKED
  8: 'fatal', // SQLITE_READONLY: moved, replaced or remounted under us
  10: 'fatal', // SQLITE_IOERR
  11: 'fatal', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  14: 'fatal', // SQLITE_CANTOPEN
  26: 'fatal', // SQLITE_NOTADB
}

/** SQLITE_IOERR_SHMSIZE: the WAL index could not grow. It holds nothing durable, and a full disk is the usual cause. */
const IOERR_SHMSIZE = 10 | (19 << 8)

/**
 * Sorts an error by SQLite's extended result code. After one failed sync SQLite goes on "committing" what never reached
 * the disk, so every I/O error is fatal, whatever later calls say.
 */
export function faultKind(error: unknown): FaultKind {
  const code = errcodeOf(error)
  if (code === undefined) return 'other'
  if (code === IOERR_SHMSIZE) return 'full'
  return PRIMARY[code & 0xff] ?? 'other'
}

function errcodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode
}
