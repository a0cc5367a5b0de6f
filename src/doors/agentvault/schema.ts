import { authenticatedTable, type Migration } from '../../storage/migrations.ts'

/** What the dialect says beyond what the house knows. All of it decides who may do what, so all of it is authenticated. */
export const agentVaultMigrations: readonly Migration[] = [
  {
    id: '0001-agentvault',
    async up(db) {
      // `id` is the service's in the house; `definition` is canonical JSON of a VaultService.
      await authenticatedTable(db, 'agentvault_services', (table) =>
        table
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('definition', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('updated_at', 'integer', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'agentvault_revocations', (table) =>
        table
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('value', 'text', (column) => column.notNull())
          .addColumn('agent', 'text')
          .addColumn('reason', 'text', (column) => column.notNull())
          .addColumn('at', 'integer', (column) => column.notNull()),
      )
      // `id` is the grant's.
      await authenticatedTable(db, 'agentvault_grants', (table) =>
        table
          .addColumn('agent', 'text', (column) => column.notNull())
          .addColumn('service', 'text', (column) => column.notNull())
          .addColumn('stamp', 'text', (column) => column.notNull()),
      )
    },
  },
]
