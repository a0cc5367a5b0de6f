import { closeSync, constants, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { storageProblem } from './problems.ts'
import { kyselyOver, runStatement, StatementCache } from './sqlite-dialect.ts'
import { faultKind } from './sqlite-error.ts'
import type { Statement, StatementValues } from './statement.ts'
import type { Db } from './storage.ts'

/** Frames in the write-ahead log above which a checkpoint is made: 4 MiB in pages of 4 KiB. */
const CHECKPOINT_FRAMES = 1024

/**
 * Two connections to one SQLite file: all writing on one, all reading on the other, so that a transaction in flight is
 * never read. Every error passes `#guard`, which sorts it: nothing that the disk says can be swallowed by a room.
 */
export class SqliteEngine {
  readonly writes: StatementCache
  readonly reads: StatementCache
  /** For work inside a transaction; refuses anything outside of one, where it would commit by itself. */
  readonly writeDb: Db
  readonly readDb: Db
  readonly #writer: DatabaseSync
  readonly #reader: DatabaseSync
  readonly #onFatal: (error: unknown) => void
  #failed = false
  #full = false
  #synced = true

  constructor(file: string, onFatal: (error: unknown) => void) {
    this.#onFatal = onFatal
    createFile(file)
    this.#writer = this.#guard(() => connect(file))
    this.#reader = this.#guard(() => connect(file))
    this.#reader.exec('PRAGMA query_only=ON')
    this.writes = new StatementCache(this.#writer)
    this.reads = new StatementCache(this.#reader)
    this.writeDb = kyselyOver(this.writes, (run) => {
      if (!this.#writer.isTransaction) throw new TypeError('tx was used after its work had ended')
      return this.#guard(run)
    })
    this.readDb = kyselyOver(this.reads, (run) => this.#guard(run))
  }

  get failed(): boolean {
    return this.#failed
  }

  /** Whether the transaction met a full disk since it began, even if a room caught the error. */
  get full(): boolean {
    return this.#full
  }

  get inTransaction(): boolean {
    return this.#writer.isTransaction
  }

  /** `synced: false`: the commit writes, and leaves the sync to the next one that is synced. */
  begin(synced = true): void {
    this.#full = false
    if (synced !== this.#synced) {
      this.#run(`PRAGMA synchronous=${synced ? 'FULL' : 'NORMAL'}`)
      this.#synced = synced
    }
    this.#run('BEGIN IMMEDIATE')
  }

  commit(): void {
    this.#run('COMMIT')
  }

  /** SQLite may have rolled back by itself (full disk, I/O error): then there is nothing to do. */
  rollback(): void {
    if (this.#writer.isTransaction) this.#run('ROLLBACK')
  }

  savepoint(): void {
    this.#run('SAVEPOINT work')
  }

  release(): void {
    this.#run('RELEASE work')
  }

  rollbackToSavepoint(): void {
    this.#run('ROLLBACK TO work')
    this.#run('RELEASE work')
  }

  /** Runs a statement inside the transaction; its rows, if it gives any. */
  execute<R>(statement: Statement<R>, values: StatementValues): R[] {
    const { sql, parameters } = statement.with(this.writeDb, values)
    return this.#guard(() => runStatement<R>(this.writes.get(sql), parameters)).rows
  }

  /** Runs raw statements on either connection with errors sorted. */
  raw<T>(run: () => T): T {
    return this.#guard(run)
  }

  /**
   * Moves the write-ahead log into the database when it has grown. SQLite's own automatic checkpoint throws its errors
   * away; here a failed sync is fatal like any other. A full disk only means that the log grows a little longer.
   */
  checkpoint(): void {
    const frames = this.#guard(() => this.writes.get('PRAGMA wal_checkpoint(NOOP)').get()) as { log?: number }
    if ((frames.log ?? 0) < CHECKPOINT_FRAMES) return
    try {
      this.#guard(() => this.writes.get('PRAGMA wal_checkpoint(PASSIVE)').get())
    } catch (error) {
      if (this.#failed) throw error
    }
  }

  close(): void {
    if (!this.#writer.isOpen) return
    this.#reader.close()
    try {
      if (!this.#failed) this.#writer.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      this.#writer.close()
    }
  }

  #run(sql: string): void {
    this.#guard(() => this.writes.get(sql).run())
  }

  #guard<T>(run: () => T): T {
    if (this.#failed) throw storageProblem('storage_failed')
    try {
      return run()
    } catch (error) {
      const kind = faultKind(error)
      if (isOutOfRange(error)) throw storageProblem('database_damaged', { cause: error })
      if (kind === 'other') throw error
      if (kind === 'busy') throw storageProblem('storage_busy', { cause: error })
      if (kind === 'full') {
        this.#full = true
        throw storageProblem('storage_full', { cause: error })
      }
      this.#failed = true
      this.#onFatal(error)
      throw storageProblem('storage_failed', { cause: error })
    }
  }
}

/** An integer beyond 2⁵³ where a number is read: nothing of ours writes one. */
function isOutOfRange(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_OUT_OF_RANGE'
}

/** Makes the file 0600 before SQLite does, and its directory entry durable. O_NOFOLLOW: never through a link. */
function createFile(file: string): void {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    closeSync(openSync(file, flags, 0o600))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return
    throw error
  }
  const directory = openSync(dirname(file), constants.O_RDONLY | constants.O_DIRECTORY)
  fsyncSync(directory)
  closeSync(directory)
}

function connect(file: string): DatabaseSync {
  const database = new DatabaseSync(file, {
    timeout: 5_000,
    enableForeignKeyConstraints: true,
    defensive: true,
    allowExtension: false,
  })
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0')
  database.exec(
    'PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON',
  )
  return database
}
