import { authenticatedTable, type Migration } from '../storage/migrations.ts'
import { doorsMigration, saltsMigration } from './doors/schema.ts'
import { inviteNamesMigration, keysMigration, thumbprintsMigration } from './keys/schema.ts'
import { assertionsMigration } from './oauth/used-assertions.ts'
import { displayNamesMigration, memberRequestsMigration, passkeysMigration, rolesMigration } from './people/schema.ts'
import { orderedChallengesMigration, sessionContextMigration, sessionsMigration } from './sessions/schema.ts'
import { sourcesMigration } from './token-sources.ts'

/** All of these grant authority, so all are authenticated. `tokens.hash` is a keyed hash: no token can be made from it. */
export const identityMigrations: readonly Migration[] = [
  {
    id: '0001-identity',
    async up(db) {
      await authenticatedTable(db, 'agents', (table) =>
        table
          .addColumn('name', 'text', (column) => column.notNull().unique())
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'operators', (table) =>
        table
          .addColumn('name', 'text', (column) => column.notNull().unique())
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'tokens', (table) =>
        table
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('owner', 'text', (column) => column.notNull())
          .addColumn('label', 'text')
          .addColumn('hash', 'blob', (column) => column.notNull().unique())
          .addColumn('pepper', 'integer', (column) => column.notNull())
          .addColumn('issued_epoch', 'integer', (column) => column.notNull())
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer', (column) => column.notNull())
          .addColumn('revoked_at', 'integer'),
      )
      // One row, `all`: agents' tokens issued up to this epoch are dead, whatever their own rows say.
      await authenticatedTable(db, 'revocations', (table) =>
        table.addColumn('up_to_epoch', 'integer', (column) => column.notNull()),
      )
    },
  },
  keysMigration,
  sessionsMigration,
  assertionsMigration,
  thumbprintsMigration,
  doorsMigration,
  sessionContextMigration,
  orderedChallengesMigration,
  saltsMigration,
  inviteNamesMigration,
  rolesMigration,
  passkeysMigration,
  memberRequestsMigration,
  sourcesMigration,
  displayNamesMigration,
]
