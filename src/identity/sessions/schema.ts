import { sql } from 'kysely'
import { authenticatedTable, type Migration, type NewTable, plainTable } from '../../storage/migrations.ts'
import type { Db } from '../../storage/storage.ts'

export const sessionsMigration: Migration = {
  id: '0003-sessions',
  async up(db) {
    await challengesTable(db)
    await sessionsTable(db)
    // Refresh tokens that were used: who shows one of them holds a stolen copy, or was stolen from.
    await plainTable(db, 'used_refresh_tokens', (table) =>
      table
        .addColumn('hash', 'blob', (column) => column.primaryKey().notNull())
        .addColumn('session', 'text', (column) => column.notNull()),
    )
    await sql`create index used_refresh_tokens_of on used_refresh_tokens (session)`.execute(db)
    await sql`create index challenges_end on challenges (expires_at)`.execute(db)
  },
}

async function challengesTable(db: Db, options?: { rowid: boolean }): Promise<void> {
  // Plain: the nonce is made of the rest of the row under the pepper, so a row planted or edited here is none.
  const columns = (table: NewTable) =>
    table
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('nonce', 'text', (column) => column.notNull())
      .addColumn('agent', 'text')
      .addColumn('asked', 'text', (column) => column.notNull())
      .addColumn('audience', 'text')
      .addColumn('key', 'text')
      .addColumn('expires_at', 'integer', (column) => column.notNull())
  await plainTable(db, 'challenges', columns, options)
}

async function sessionsTable(db: Db): Promise<void> {
  await authenticatedTable(db, 'sessions', (table) =>
    table
      .addColumn('agent', 'text', (column) => column.notNull())
      .addColumn('key', 'text')
      .addColumn('audience', 'text', (column) => column.notNull())
      .addColumn('scope', 'text')
      .addColumn('jkt', 'text')
      .addColumn('typ', 'text', (column) => column.notNull())
      .addColumn('parent', 'text')
      .addColumn('act', 'text')
      .addColumn('max_uses', 'integer')
      .addColumn('used', 'integer')
      .addColumn('life_ms', 'integer', (column) => column.notNull())
      .addColumn('refresh_hash', 'blob')
      .addColumn('generation', 'integer', (column) => column.notNull())
      .addColumn('issued_epoch', 'integer', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('expires_at', 'integer', (column) => column.notNull()),
  )
}

export const sessionContextMigration: Migration = {
  id: '0006-session-context',
  async up(db) {
    await db.schema.alterTable('sessions').addColumn('context', 'text').execute()
  },
}

/**
 * Challenges have ordered ids now: what a batch adds and takes lies on one page, and old ones are found by their ids. Those
 * that wait are dropped: they live five minutes, and their clients ask for another.
 */
export const orderedChallengesMigration: Migration = {
  id: '0007-ordered-challenges',
  async up(db) {
    await sql`drop table challenges`.execute(db)
    await challengesTable(db, { rowid: false })
  },
}
