import type { Clock } from '../ground/clock.ts'
import { Authority } from './authority.ts'
import { storageMigrations } from './base-schema.ts'
import { type Migration, migrate } from './migrations.ts'
import { Outbox } from './outbox.ts'
import { storageProblem } from './problems.ts'
import { SqliteEngine } from './sqlite-engine.ts'
import { SqliteRows } from './sqlite-rows.ts'
import type { Change, Db, Row, Storage } from './storage.ts'
import { WriteQueue } from './write-queue.ts'

export interface OpenStorageOptions {
  /** Path of the database file, made 0600 if it is not there. Its directory exists and is checked (safe-home.ts). */
  readonly file: string
  /** The rooms' migrations, in the order to apply them. */
  readonly migrations: readonly Migration[]
  readonly clock: Clock
  /** The database can no longer be trusted: end the process with this exit code. Called once. */
  readonly onFatal: (exitCode: 74, cause: unknown) => void
  /** Makes room on a full disk for an urgent write; resolves to whether it did. */
  readonly freeReserve?: () => Promise<boolean>
}

/** Opens the database, brings it up to date, and refuses one that is newer (Problem `database_newer`). */
export async function openStorage(options: OpenStorageOptions): Promise<Storage> {
  const engine = new SqliteEngine(options.file, (cause) => options.onFatal(74, cause))
  try {
    refuseForeignSchema(engine)
    await migrate(engine, [...storageMigrations, ...options.migrations], options.clock)
    return await storageOver(engine, options)
  } catch (error) {
    engine.close()
    throw error
  }
}

async function storageOver(engine: SqliteEngine, options: OpenStorageOptions): Promise<Storage> {
  const rows = new SqliteRows(engine)
  const instanceId = await instanceIdOf(engine.readDb)
  const authority = new Authority(rows, instanceId)
  const followers: ((change: Change) => void)[] = []
  const writeMarks = () => queue.add(async () => {}, {}).catch(() => {})
  const outbox: Outbox = new Outbox(instanceId, () => void writeMarks())
  const publish = (change: Change) => {
    for (const follower of followers) callFollower(follower, change)
  }
  const freeReserve = options.freeReserve ?? (async () => false)
  const queue = new WriteQueue({ engine, authority, outbox, publish, freeReserve })

  return {
    instanceId,
    read: (work) => work(engine.readDb),
    write: async (work, options = {}) => queue.add(work, options),
    run: async (statement, values, options = {}) => queue.run(statement, values, options),
    follow: (listener) => void followers.push(listener),
    recordWith: (recorder) => outbox.setRecorder(recorder),
    pending: () => outbox.pending(engine.readDb, authority.key),
    markRecorded: async (id, seq) => outbox.mark(id, seq),
    epoch: () => authority.epoch,
    rowCount: () => authority.rowCount,
    authenticateWith: (key) => authority.setKey(key),
    load: async (table) => loadAll(authority, rows, table),
    loadEach: async (table, take) => loadRows(authority, rows, table, (row) => take(row as never)),
    checkRows: async () => authority.check(),
    acceptRows: (above) => queue.add(async () => authority.accept(above), { urgent: true }),
    close: async () => {
      outbox.close()
      if (outbox.hasMarks) await writeMarks()
      await queue.idle()
      engine.close()
    },
  }
}

/** A follower that throws has left its read-model behind the database: a bug that must end the process, not one write. */
function callFollower(follower: (change: Change) => void, change: Change): void {
  try {
    follower(change)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

function loadAll<R>(authority: Authority, stored: SqliteRows, table: string): { rows: R[]; bad: string[] } {
  const rows: R[] = []
  return { rows, bad: loadRows(authority, stored, table, (row) => rows.push(row as R)) }
}

function loadRows(authority: Authority, stored: SqliteRows, table: string, take: (row: Row) => void): string[] {
  authority.requireKey()
  const bad: string[] = []
  for (const each of stored.scan(table)) {
    const row = authority.believe(table, each)
    if (row) take(row)
    else bad.push(each.id)
  }
  return bad
}

/**
 * Triggers and views are never ours, and a trigger can make a write come to nothing: a revocation, say. Throws Problem
 * `database_damaged`.
 */
function refuseForeignSchema(engine: SqliteEngine): void {
  const select = "select type, name from sqlite_master where type in ('trigger', 'view') limit 1"
  const found = engine.raw(() => engine.reads.get(select).get())
  if (found === undefined) return
  throw storageProblem('database_damaged', { detail: `It holds a ${found.type} '${found.name}', which is not ours.` })
}

/** Throws Problem `database_damaged` if it is gone: a database whose name is unknown has no history to go on from. */
async function instanceIdOf(db: Db): Promise<string> {
  const row = await db.selectFrom('instance').select('value').executeTakeFirst()
  if (!/^[0-9a-f]{32}$/.test(row?.value)) throw storageProblem('database_damaged', { detail: 'It has no name.' })
  return row?.value
}
