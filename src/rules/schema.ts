import { authenticatedTable, type Migration } from '../storage/migrations.ts'

/**
 * `rules`: `definition` is the JSON of a RuleDefinition, agents and services by id. `rule_settings` holds one row, `default`.
 * Times are milliseconds since 1970.
 */
export const rulesMigrations: readonly Migration[] = [
  {
    id: '0050-rules',
    async up(db) {
      await authenticatedTable(db, 'rules', (table) =>
        table
          .addColumn('name', 'text', (column) => column.notNull().unique())
          .addColumn('version', 'integer', (column) => column.notNull())
          .addColumn('definition', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('updated_at', 'integer', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'rule_settings', (table) =>
        table.addColumn('value', 'text', (column) => column.notNull()),
      )
    },
  },
]
