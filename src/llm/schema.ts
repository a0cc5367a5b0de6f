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
  {
    id: '0081-llm-usage',
    async up(db) {
      await makeBudgets(db)
      await plainTable(db, 'llm_usage', (table) =>
        table
          .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
          .addColumn('rid', 'text', (column) => column.notNull())
          .addColumn('at', 'integer', (column) => column.notNull())
          .addColumn('agent', 'text', (column) => column.notNull())
          .addColumn('vendor', 'text', (column) => column.notNull())
          .addColumn('key', 'text')
          .addColumn('status', 'integer', (column) => column.notNull())
          .addColumn('model', 'text')
          .addColumn('tokens_in', 'integer')
          .addColumn('tokens_out', 'integer')
          .addColumn('cost', 'integer')
          .addColumn('ms', 'integer', (column) => column.notNull())
          .addColumn('bytes_in', 'integer', (column) => column.notNull())
          .addColumn('bytes_out', 'integer', (column) => column.notNull())
          .addColumn('aborted', 'integer', (column) => column.notNull())
          .addColumn('estimated', 'integer', (column) => column.notNull()),
      )
      await db.schema.createIndex('llm_usage_at').on('llm_usage').column('at').execute()
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

async function makeBudgets(db: Db): Promise<void> {
  await authenticatedTable(db, 'llm_budgets', (table) =>
    table
      .addColumn('agent', 'text')
      .addColumn('vendor', 'text')
      .addColumn('unit', 'text', (column) => column.notNull())
      .addColumn('amount', 'integer', (column) => column.notNull())
      .addColumn('per', 'text', (column) => column.notNull())
      .addColumn('cut', 'integer', (column) => column.notNull()),
  )
  // `id` is the budget's. Authenticated: who sets a sum back has a budget anew.
  await authenticatedTable(db, 'llm_spent', (table) =>
    table
      .addColumn('since', 'integer', (column) => column.notNull())
      .addColumn('spent', 'integer', (column) => column.notNull()),
  )
  // Dollars for a million tokens, as they were written.
  await authenticatedTable(db, 'llm_prices', (table) =>
    table
      .addColumn('vendor', 'text', (column) => column.notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('input', 'text', (column) => column.notNull())
      .addColumn('output', 'text', (column) => column.notNull()),
  )
}
