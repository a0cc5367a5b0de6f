import { authenticatedTable, type Migration, type NewTable } from '../../storage/migrations.ts'

/** What each operator may. Null for those from before: owners. */
export const rolesMigration: Migration = {
  id: '0050-operator-roles',
  up: (db) => db.schema.alterTable('operators').addColumn('role', 'text').execute(),
}

const text = (table: NewTable, ...names: string[]) =>
  names.reduce((so, name) => so.addColumn(name, 'text', (column) => column.notNull()), table)
const whole = (table: NewTable, ...names: string[]) =>
  names.reduce((so, name) => so.addColumn(name, 'integer', (column) => column.notNull()), table)

/** What operators sign in with. All of it grants authority, so all of it is authenticated; links and codes are keyed hashes. */
export const passkeysMigration: Migration = {
  id: '0051-passkeys',
  async up(db) {
    await authenticatedTable(db, 'passkeys', (table) =>
      whole(text(table, 'operator', 'name', 'transports', 'rp_id', 'aaguid'), 'counter', 'synced', 'created_at')
        // The authenticator's own name of it: base64url, up to 1,023 bytes of it.
        .addColumn('credential', 'text', (column) => column.notNull().unique())
        .addColumn('public_key', 'blob', (column) => column.notNull())
        .addColumn('last_used_at', 'integer'),
    )
    await authenticatedTable(db, 'operator_links', (table) =>
      whole(text(table, 'operator', 'status'), 'created_at', 'expires_at').addColumn('hash', 'blob', (column) =>
        column.notNull().unique(),
      ),
    )
    await authenticatedTable(db, 'recovery_codes', (table) =>
      whole(text(table, 'operator'), 'created_at').addColumn('hash', 'blob', (column) => column.notNull().unique()),
    )
  },
}

/** Addresses that members-to-be were invited by, or say to have. An invite grants authority, so all is authenticated. */
export const memberRequestsMigration: Migration = {
  id: '0056-member-requests',
  up: (db) =>
    authenticatedTable(db, 'member_requests', (table) =>
      whole(text(table, 'email', 'kind'), 'created_at', 'expires_at').addColumn('hash', 'blob'),
    ),
}

/** What members call themselves. Nobody looks at it but them and the operators: they are known by their address. */
export const displayNamesMigration: Migration = {
  id: '0081-display-names',
  async up(db) {
    await db.schema.alterTable('operators').addColumn('display_name', 'text').execute()
    await db.schema.alterTable('member_requests').addColumn('display_name', 'text').execute()
  },
}
