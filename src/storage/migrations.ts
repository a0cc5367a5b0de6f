import { type ColumnDefinitionBuilder, type CreateTableBuilder, sql } from 'kysely'
import type { Clock } from '../ground/clock.ts'
import { storageProblem } from './problems.ts'
import type { SqliteEngine } from './sqlite-engine.ts'
import type { Db } from './storage.ts'

/** One step forward. Its id is permanent ('0001-identity') and never used for anything else. */
export interface Migration {
  readonly id: string
  up(db: Db): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: the table is being made, it has no type yet
export type NewTable = CreateTableBuilder<string, any>

/** Makes a plain STRICT table. `rowid: false`: its rows lie in the order of its primary key, without an index beside. */
export async function plainTable(
  db: Db,
  name: string,
  columns: (table: NewTable) => NewTable,
  { rowid = true } = {},
): Promise<void> {
  const end = rowid ? sql`strict` : sql`strict, without rowid`
  await (columns(db.schema.createTable(name) as NewTable) as NewTable).modifyEnd(end).execute()
}

/**
 * Makes an authenticated table: the columns given, and `id` (text primary key), `epoch` and `mac`, which storage keeps.
 * Columns added by later migrations must be nullable: a null column is left out of the MAC, so old rows stay good.
 */
export async function authenticatedTable(db: Db, name: string, columns: (table: NewTable) => NewTable): Promise<void> {
  const required = (column: ColumnDefinitionBuilder) => column.notNull()
  await plainTable(db, name, (table) =>
    columns(table.addColumn('id', 'text', (column) => column.primaryKey().notNull()))
      .addColumn('epoch', 'integer', required)
      .addColumn('mac', 'blob', required),
  )
  await db.insertInto('authenticated_tables').values({ name }).execute()
}

/**
 * Applies what is missing, each migration in a transaction of its own together with the note that it was applied: a
 * process that is killed leaves the old schema or the new one. Throws Problem `database_newer` if the database has seen a
 * migration that this version does not know: there is no way back.
 */
export async function migrate(engine: SqliteEngine, migrations: readonly Migration[], clock: Clock): Promise<void> {
  const ids = new Set(migrations.map((migration) => migration.id))
  if (ids.size !== migrations.length) throw new TypeError('two migrations have the same id')
  const done = await inTransaction(engine, seenMigrations)
  const newer = done.find((id) => !ids.has(id))
  if (newer !== undefined) throw storageProblem('database_newer', { facts: { migration: newer } })
  for (const migration of migrations) {
    if (done.includes(migration.id)) continue
    await inTransaction(engine, async (db) => {
      await migration.up(db)
      await db.insertInto('migrations').values({ id: migration.id, applied_at: clock.now() }).execute()
    })
  }
}

async function seenMigrations(db: Db): Promise<string[]> {
  const table = db.schema.createTable('migrations').ifNotExists().modifyEnd(sql`strict`)
  await table
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('applied_at', 'integer', (column) => column.notNull())
    .execute()
  const rows: { id: string }[] = await db.selectFrom('migrations').select('id').orderBy('id').execute()
  return rows.map((row) => row.id)
}

async function inTransaction<T>(engine: SqliteEngine, work: (db: Db) => Promise<T>): Promise<T> {
  engine.begin()
  try {
    const value = await work(engine.writeDb)
    engine.commit()
    return value
  } catch (error) {
    engine.rollback()
    throw error
  }
}
