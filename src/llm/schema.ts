import { authenticatedTable, type Migration, plainTable } from '../storage/migrations.ts'
import type { Db } from '../storage/storage.ts'

export const llmMigrations: readonly Migration[] = [
  {
    id: '0080-llm',
    async up(db) {
      await makeBots(db)
      // `id` is the credential's: a key that a vendor refused.
      await authenticatedTable(db, 'llm_asides', (table) =>
        table
          .addColumn('status', 'integer', (column) => column.notNull())
          .addColumn('at', 'integer', (column) => column.notNull()),
      )
      // `id` is the vendor's.
      await authenticatedTable(db, 'llm_vendors', (table) =>
        table
          .addColumn('service', 'text', (column) => column.notNull())
          .addColumn('base_path', 'text', (column) => column.notNull())
          .addColumn('api', 'text', (column) => column.notNull()),
      )
      // The one row `admin`: a keyed hash of the door's admin token.
      await authenticatedTable(db, 'llm_admin', (table) =>
        table
          .addColumn('hash', 'blob', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull()),
      )
      // Whose turn it is among the keys of one vendor and tag.
      await plainTable(db, 'llm_turns', (table) =>
        table
          .addColumn('id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('turn', 'integer', (column) => column.notNull()),
      )
    },
  },
]

async function makeBots(db: Db): Promise<void> {
  // `id` is the agent's.
  await authenticatedTable(db, 'llm_bots', (table) =>
    table
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('hostname', 'text')
      .addColumn('tags', 'text')
      .addColumn('vendors', 'text')
      .addColumn('models', 'text')
      .addColumn('paths', 'text')
      .addColumn('any_key', 'integer', (column) => column.notNull())
      .addColumn('own', 'integer', (column) => column.notNull())
      .addColumn('expires_at', 'integer')
      .addColumn('created_at', 'integer', (column) => column.notNull()),
  )
}
