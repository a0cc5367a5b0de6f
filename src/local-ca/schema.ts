import { authenticatedTable, type Migration } from '../storage/migrations.ts'

export const localCaMigrations: readonly Migration[] = [
  {
    // One row. `sealed`: the private key, PKCS #8, sealed by the vault.
    id: '0070-local-ca',
    async up(db) {
      await authenticatedTable(db, 'local_ca', (table) =>
        table
          .addColumn('spki', 'blob', (column) => column.notNull())
          .addColumn('sealed', 'blob', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull()),
      )
    },
  },
]
