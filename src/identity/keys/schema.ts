import { sql } from 'kysely'
import { authenticatedTable, type Migration } from '../../storage/migrations.ts'

/** Public keys, and invites as keyed hashes: a stolen copy signs nobody in. */
export const keysMigration: Migration = {
  id: '0002-agent-keys',
  async up(db) {
    for (const column of ['owner', 'origin']) {
      await db.schema.alterTable('agents').addColumn(column, 'text').execute()
    }
    await db.schema.alterTable('agents').addColumn('personal', 'blob').execute()
    await authenticatedTable(db, 'agent_keys', (table) =>
      table
        .addColumn('agent', 'text', (column) => column.notNull())
        .addColumn('spki', 'blob', (column) => column.notNull())
        .addColumn('thumbprint', 'text', (column) => column.notNull())
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('bound', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .addColumn('retires_at', 'integer')
        .addColumn('revoked_at', 'integer')
        .addColumn('attestation', 'text'),
    )
    await authenticatedTable(db, 'invites', (table) =>
      table
        .addColumn('hash', 'blob', (column) => column.notNull().unique())
        // An agent's id: the invite registers a new key for it. Without one it registers a new agent.
        .addColumn('agent', 'text')
        .addColumn('operator', 'text', (column) => column.notNull())
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .addColumn('expires_at', 'integer', (column) => column.notNull()),
    )
    await sql`create index agent_keys_of on agent_keys (agent)`.execute(db)
  },
}

/** The name that a new agent by this invite has; null: it chooses one itself. */
export const inviteNamesMigration: Migration = {
  id: '0047-invite-names',
  up: (db) => db.schema.alterTable('invites').addColumn('name', 'text').execute(),
}

export const thumbprintsMigration: Migration = {
  id: '0005-thumbprints',
  up: (db) => sql`create index agent_keys_thumbprint on agent_keys (thumbprint)`.execute(db).then(() => {}),
}
