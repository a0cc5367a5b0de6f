import { authenticatedTable, type Migration, plainTable } from '../storage/migrations.ts'

/**
 * `keyslots` and `vault_settings` are read before there is a key to authenticate rows with; they carry MACs of their own
 * (keyring.ts). Credentials and their versions are authenticated rows. Only ciphertext is ever written.
 */
export const vaultMigrations: readonly Migration[] = [
  {
    id: '0001-vault',
    async up(db) {
      await plainTable(db, 'keyslots', (table) =>
        table
          .addColumn('id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('slot', 'text', (column) => column.notNull()),
      )
      await plainTable(db, 'vault_settings', (table) =>
        table
          .addColumn('id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('settings', 'text', (column) => column.notNull())
          .addColumn('settings_mac', 'blob', (column) => column.notNull())
          .addColumn('slots_mac', 'blob', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'credentials', (table) =>
        table
          .addColumn('handle', 'text', (column) => column.notNull().unique())
          .addColumn('service', 'text', (column) => column.notNull())
          .addColumn('version', 'integer', (column) => column.notNull())
          .addColumn('meta', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('rotated_at', 'integer')
          .addColumn('expires_at', 'integer'),
      )
      await authenticatedTable(db, 'credential_versions', (table) =>
        table
          .addColumn('credential', 'text', (column) => column.notNull())
          .addColumn('version', 'integer', (column) => column.notNull())
          .addColumn('kek', 'integer')
          .addColumn('origins_hash', 'blob')
          .addColumn('envelope', 'blob')
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('retired_at', 'integer'),
      )
      await db.schema
        .createIndex('credential_versions_by_credential')
        .on('credential_versions')
        .columns(['credential', 'version'])
        .execute()
    },
  },
  {
    id: '0002-connections',
    async up(db) {
      await db.schema.alterTable('credentials').addColumn('connection', 'text').execute()
      // Grants nothing: who holds a lease may ask for the next token, and so must everybody else wait for a while.
      await plainTable(db, 'connection_leases', (table) =>
        table
          .addColumn('credential', 'text', (column) => column.primaryKey().notNull())
          .addColumn('holder', 'text', (column) => column.notNull())
          .addColumn('until', 'integer', (column) => column.notNull()),
      )
    },
  },
]
