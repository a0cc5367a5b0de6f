import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { storageProblem } from './problems.ts'
import { faultKind } from './sqlite-error.ts'

export interface Lock {
  /** Gives the home free. Also what the kernel does when the process ends, however it ends. */
  release(): void
}

/**
 * Takes the home for this process, or throws Problem `home_in_use`. Node has no flock, so the lock is SQLite's own: an
 * exclusive transaction on a database that holds nothing. It is the kernel's (fcntl), never the mere existence of a file,
 * so a process that was killed blocks nobody. No other code of this process may open `lock.db`: closing any descriptor
 * of the file would drop the lock.
 */
export function takeLock(home: string): Lock {
  const database = new DatabaseSync(join(home, 'lock.db'), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (faultKind(error) === 'busy') throw storageProblem('home_in_use', { facts: { path: home }, cause: error })
    throw error
  }
  return { release: () => database.close() }
}
