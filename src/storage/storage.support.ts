import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { Clock } from '../ground/clock.ts'
import { SetClock } from '../ground/clock.ts'
import type { Migration } from './migrations.ts'
import { type OpenStorageOptions, openStorage } from './open-storage.ts'
import type { Storage } from './storage.ts'

/** For tests: a database in a directory of its own, which can be closed, edited by other hands and opened again. */
export interface TestDatabase {
  readonly directory: string
  readonly file: string
  readonly key: KeyObject
  /** Opens (again) and gives the key, if wanted. */
  open(options?: Partial<OpenStorageOptions> & { sealed?: boolean }): Promise<Storage>
  /** Runs SQL as somebody else who can write the file. */
  edit(sql: string, ...values: SQLInputValue[]): void
  /** Reads as somebody else. */
  look(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[]
  remove(): void
}

export function testDatabase(migrations: readonly Migration[], clock: Clock = new SetClock()): TestDatabase {
  const directory = mkdtempSync(join(tmpdir(), 'claviger-storage-'))
  const file = join(directory, 'claviger.db')
  const key = createSecretKey(randomBytes(32))
  const raw = <T>(run: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(file)
    try {
      return run(database)
    } finally {
      database.close()
    }
  }
  return {
    directory,
    file,
    key,
    async open({ sealed = false, ...options } = {}) {
      const onFatal = (_code: number, cause: unknown) => {
        throw cause
      }
      const storage = await openStorage({ file, migrations, clock, onFatal, ...options })
      if (!sealed) storage.authenticateWith(key)
      return storage
    },
    edit: (sql, ...values) => raw((database) => void database.prepare(sql).run(...values)),
    look: (sql, ...values) => raw((database) => database.prepare(sql).all(...values)),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
