import type { ColumnDefinitionBuilder } from 'kysely'
import { authenticatedTable, type Migration, plainTable } from '../storage/migrations.ts'
import type { Db } from '../storage/storage.ts'

const required = (column: ColumnDefinitionBuilder) => column.notNull()

/**
 * `webhooks` says where to send what, its secrets sealed by the vault. `alert_keys` holds the sealed key under which
 * `alert_events` are kept, so that nobody who writes to the file has an event of his own signed and sent, and nobody who
 * reads it learns what happened. `alert_deliveries` is the outbox: one row for each endpoint that an event goes to, gone
 * once it was delivered. `webhook_health` says how deliveries went. Times are milliseconds since 1970.
 */
export const alertsMigrations: readonly Migration[] = [{ id: '0001-alerts', up: makeTables }]

async function makeTables(db: Db): Promise<void> {
  await makeEndpoints(db)
  await makeOutbox(db)
}

async function makeEndpoints(db: Db): Promise<void> {
  await authenticatedTable(db, 'webhooks', (table) =>
    table
      .addColumn('owner', 'text', required)
      .addColumn('kind', 'text', required)
      .addColumn('url', 'text', required)
      .addColumn('events', 'text', required)
      .addColumn('min_severity', 'text', required)
      .addColumn('addresses', 'text')
      .addColumn('status', 'text', required)
      .addColumn('secret', 'blob', required)
      .addColumn('previous', 'blob')
      .addColumn('previous_until', 'integer')
      .addColumn('created_at', 'integer', required)
      .addColumn('rotated_at', 'integer'),
  )
  await authenticatedTable(db, 'alert_keys', (table) => table.addColumn('secret', 'blob', required))
  await plainTable(db, 'webhook_health', (table) =>
    table
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('failing_since', 'integer')
      .addColumn('last_success_at', 'integer')
      .addColumn('last_failure_at', 'integer')
      .addColumn('last_error', 'text'),
  )
}

async function makeOutbox(db: Db): Promise<void> {
  await plainTable(db, 'alert_events', (table) =>
    table
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('subject', 'text')
      .addColumn('sealed', 'blob', required)
      .addColumn('created_at', 'integer', required),
  )
  await plainTable(db, 'alert_deliveries', (table) =>
    table
      .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('id', 'text', (column) => column.notNull().unique())
      .addColumn('event_id', 'text', required)
      .addColumn('webhook_id', 'text', required)
      .addColumn('type', 'text', required)
      .addColumn('state', 'text', required)
      .addColumn('attempts', 'integer', required)
      .addColumn('due_at', 'integer', required)
      .addColumn('created_at', 'integer', required)
      .addColumn('dead_at', 'integer')
      .addColumn('error', 'text')
      .addUniqueConstraint('alert_deliveries_once', ['event_id', 'webhook_id']),
  )
  await db.schema
    .createIndex('alert_deliveries_due')
    .on('alert_deliveries')
    .columns(['webhook_id', 'state', 'due_at', 'seq'])
    .execute()
  await db.schema.createIndex('alert_events_subject').on('alert_events').column('subject').execute()
}
