import { authenticatedTable, type Migration } from '../../storage/migrations.ts'

/**
 * Whoever can write a row here can make tokens that everybody believes, so rows are authenticated. `id` is the `kid`.
 * `sealed` is the private key under the vault's root key; it is emptied when the key has signed for the last time.
 */
export const signingMigrations: readonly Migration[] = [
  {
    id: '0001-signing-keys',
    up: (db) =>
      authenticatedTable(db, 'signing_keys', (table) =>
        table
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('spki', 'blob', (column) => column.notNull())
          .addColumn('place', 'text', (column) => column.notNull())
          .addColumn('sealed', 'blob')
          .addColumn('hsm', 'text')
          .addColumn('longest_ms', 'integer', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('active_at', 'integer')
          .addColumn('retired_at', 'integer')
          .addColumn('ends_at', 'integer')
          .addColumn('revoked_at', 'integer')
          .addColumn('reason', 'text'),
      ),
  },
]
