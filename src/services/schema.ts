import { authenticatedTable, type Migration } from '../storage/migrations.ts'

/** `definition` is the canonical JSON of a ServiceDefinition. Times are milliseconds since 1970. */
export const servicesMigrations: readonly Migration[] = [
  {
    id: '0001-services',
    up: (db) =>
      authenticatedTable(db, 'services', (table) =>
        table
          .addColumn('name', 'text', (column) => column.notNull().unique())
          .addColumn('definition', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('updated_at', 'integer', (column) => column.notNull()),
      ),
  },
]
