import { problemsOf } from '../ground/problem.ts'

/** The promised failures of storage. `home_*` and `database_newer` end a start with exit code 78, `storage_failed` and `database_damaged` with 74. */
export const storageProblems = {
  vault_sealed: {
    status: 503,
    title: 'The vault is sealed',
    hint: 'An operator must unseal it: claviger unseal',
  },
  storage_full: {
    status: 503,
    title: 'The disk is full, so nothing can be written',
    hint: 'Free some space on the disk that holds the home; writing goes on by itself',
  },
  storage_busy: {
    status: 503,
    title: 'The database is locked by another program',
    hint: 'Close the program that has the database open and try again',
  },
  storage_failed: {
    status: 503,
    title: 'The database failed and the process must end',
    hint: 'Look at the disk and at the log for people; the next start recovers from what is on disk',
  },
  row_tampered: {
    status: 503,
    title: 'A row that grants authority was changed by other hands',
    hint: 'Run claviger doctor, and look at who can write to the home',
  },
  rows_tampered: {
    status: 503,
    title: 'Rows that grant authority were deleted, inserted or replayed by other hands',
    hint: 'Look at who can write to the home, then accept the rows as they are or restore a backup',
  },
  database_newer: {
    status: 500,
    title: 'The database was written by a newer version',
    hint: 'Start the version that wrote it, or restore a backup from before the upgrade',
  },
  database_damaged: {
    status: 503,
    title: 'The database is not as this program writes it',
    hint: 'Look at the disk and at who can write to the home, then restore a backup',
  },
  home_in_use: {
    status: 409,
    title: 'Another process uses this home',
    hint: 'Stop it first; if it was killed, the lock is already free',
  },
  home_unsafe: {
    status: 500,
    title: 'The home is not safe: others could read or change it',
    hint: 'Look at who did this and what they saw, then correct owner and mode by hand',
  },
} as const

export const storageProblem = problemsOf(storageProblems)
