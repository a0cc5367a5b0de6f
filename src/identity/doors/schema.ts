import { authenticatedTable, type Migration } from '../../storage/migrations.ts'

/** `id` is a `jti`: sessions of a door that were ended one by one, until they would have ended by themselves. */
export const doorsMigration: Migration = {
  id: '0022-door-revocations',
  up: (db) =>
    authenticatedTable(db, 'door_revocations', (table) =>
      table
        .addColumn('door', 'text', (column) => column.notNull())
        .addColumn('revoked_at', 'integer', (column) => column.notNull())
        .addColumn('expires_at', 'integer', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull()),
    ),
}

/** What another system mixed into the hashes of its tokens before they were brought over, sealed. */
export const saltsMigration: Migration = {
  id: '0029-door-salts',
  up: (db) =>
    authenticatedTable(db, 'door_salts', (table) =>
      table
        .addColumn('door', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull()),
    ),
}
