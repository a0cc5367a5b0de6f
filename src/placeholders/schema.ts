import { authenticatedTable, type Migration } from '../storage/migrations.ts'

/**
 * `hash`: keyed, of the run that a placeholder is known by. `before`: what stands before that run. `variables`: names, with
 * commas between. Times are milliseconds since 1970.
 */
export const placeholdersMigrations: readonly Migration[] = [
  {
    id: '0080-placeholders',
    async up(db) {
      await authenticatedTable(db, 'placeholders', (table) =>
        table
          .addColumn('agent', 'text', (column) => column.notNull())
          .addColumn('token', 'text', (column) => column.notNull())
          .addColumn('service', 'text', (column) => column.notNull())
          .addColumn('credential', 'text', (column) => column.notNull())
          .addColumn('hash', 'blob', (column) => column.notNull())
          .addColumn('pepper', 'integer', (column) => column.notNull())
          .addColumn('before', 'text', (column) => column.notNull())
          .addColumn('variables', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer', (column) => column.notNull()),
      )
    },
  },
]
