import { type ColumnDefinitionBuilder, type CreateTableBuilder, sql } from 'kysely'
import { storageProblem } from './problems.ts'
import type { Db } from './storage.ts'

/** One step forward. Its id is permanent ('0001-identity') and never used for anything else. */
export interface Migration {
  readonly id: string
  up(db: Db): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: the table is being made, it has no type yet
type Table = CreateTableBuilder<string, any>

/** Makes a plain STRICT table. */
export async function plainTable(db: Db, name: string, columns: (table: Table) => Table): Promise<void> {
  await (columns(db.schema.createTable(name) as Table) as Table).modifyEnd(sql`strict`).execute()
}

/**
 * Makes an authenticated table: the columns given, and `id` (text primary key), `epoch` and `mac`, which storage keeps.
 * Columns added by later migrations must be nullable: a null column is left out of the MAC, so old rows stay good.
 */
export async function authenticatedTable(db: Db, name: string, columns: (table: Table) => Table): Promise<void> {
  const required = (column: ColumnDefinitionBuilder) => column.notNull()
  await plainTable(db, name, (table) =>
    columns(table.addColumn('id', 'text', (column) => column.primaryKey().notNull()))
      .addColumn('epoch', 'integer', required)
      .addColumn('mac', 'blob', required),
  )
  await db.insertInto('authenticated_tables').values({ name }).execute()
}

/**
 * Ids of `migrations` that `db` has not seen, in the given order. Throws Problem `database_newer` if it has seen one that
 * this version does not know: there is no way back.
 */
export async function missingMigrations(db: Db, migrations: readonly Migration[]): Promise<Migration[]> {
  const known = new Set(migrations.map((migration) => migration.id))
  if (known.size !== migrations.length) throw new TypeError('two migrations have the same id')
  const rows: { id: string }[] = await db.selectFrom('migrations').select('id').orderBy('id').execute()
  const newer = rows.find((row) => !known.has(row.id))
  if (newer) throw storageProblem('database_newer', { facts: { migration: newer.id } })
  const done = new Set(rows.map((row) => row.id))
  return migrations.filter((migration) => !done.has(migration.id))
}
