import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { type Migration, plainTable } from './migrations.ts'
import type { Db } from './storage.ts'

/** Storage's own tables. They come before every room's. */
export const storageMigrations: readonly Migration[] = [{ id: '0001-storage', up: makeBase }]

async function makeBase(db: Db): Promise<void> {
  await plainTable(db, 'authenticated_tables', (table) =>
    table.addColumn('name', 'text', (column) => column.primaryKey().notNull()),
  )
  await plainTable(db, 'instance', (table) =>
    table
      .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
      .addColumn('value', 'text', (column) => column.notNull()),
  )
  const value = randomBytes(16).toString('hex')
  await db.insertInto('instance').values({ id: 1, value }).execute()
  await plainTable(db, 'authority', (table) =>
    table
      .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
      .addColumn('epoch', 'integer', (column) => column.notNull())
      .addColumn('row_count', 'integer', (column) => column.notNull())
      .addColumn('nonce', 'blob', (column) => column.notNull())
      .addColumn('sum', 'blob', (column) => column.notNull())
      .addColumn('mac', 'blob', (column) => column.notNull()),
  )
  await plainTable(db, 'audit_outbox', (table) =>
    table
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('epoch', 'integer', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('ref', 'text', (column) => column.notNull())
      .addColumn('record', 'text', (column) => column.notNull())
      .addColumn('mac', 'blob')
      .addColumn('seq', 'integer'),
  )
  await db.schema
    .createIndex('audit_outbox_pending')
    .on('audit_outbox')
    .column('id')
    .where(sql`seq`, 'is', null)
    .execute()
}
