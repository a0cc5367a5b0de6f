import type { Migration } from '../../storage/migrations.ts'

/** What each operator may. Null for those from before: owners. */
export const rolesMigration: Migration = {
  id: '0050-operator-roles',
  up: (db) => db.schema.alterTable('operators').addColumn('role', 'text').execute(),
}
