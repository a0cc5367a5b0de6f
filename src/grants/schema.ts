import { authenticatedTable, type Migration, plainTable } from '../storage/migrations.ts'

/**
 * `grants` is what was given; `scopes` is canonical JSON. A use is counted in `grant_uses` by one statement, and mirrored
 * in the authenticated `grant_counters`, so that setting a counter back by hand is found. `grant_calls` says which call
 * (its `id`) took a use, until the call is known to be on record: a use is given back on its word, so it is authenticated
 * too. Times are milliseconds since 1970.
 */
export const grantsMigrations: readonly Migration[] = [
  {
    id: '0001-grants',
    async up(db) {
      await authenticatedTable(db, 'grants', (table) =>
        table
          .addColumn('agent', 'text', (column) => column.notNull())
          .addColumn('service', 'text', (column) => column.notNull())
          .addColumn('scopes', 'text', (column) => column.notNull())
          .addColumn('credential', 'text')
          .addColumn('rpm', 'integer')
          .addColumn('uses', 'integer')
          .addColumn('expires_at', 'integer')
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('revoked_at', 'integer'),
      )
      await authenticatedTable(db, 'grant_counters', (table) =>
        table.addColumn('used', 'integer', (column) => column.notNull()),
      )
      await plainTable(db, 'grant_uses', (table) =>
        table
          .addColumn('grant_id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('used', 'integer', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'grant_calls', (table) =>
        table
          .addColumn('grant_id', 'text', (column) => column.notNull())
          .addColumn('boot', 'text', (column) => column.notNull())
          .addColumn('at', 'integer', (column) => column.notNull()),
      )
    },
  },
  {
    id: '0021-grant-labels',
    async up(db) {
      for (const column of ['label', 'credentials', 'reach']) {
        await db.schema.alterTable('grants').addColumn(column, 'text').execute()
      }
    },
  },
  {
    // The door that gave the grant, and through which alone it counts; null for everybody else's.
    id: '0033-grant-doors',
    async up(db) {
      await db.schema.alterTable('grants').addColumn('door', 'text').execute()
    },
  },
  {
    // A grant replaces one for the same: without it each that is given reads all that there are.
    id: '0071-grants-of-agents',
    async up(db) {
      await db.schema.createIndex('grants_of_agents').on('grants').columns(['agent', 'service']).execute()
    },
  },
]
