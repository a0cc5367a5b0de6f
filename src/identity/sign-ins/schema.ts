import { type Migration, plainTable } from '../../storage/migrations.ts'

/** Networks that agents signed in from. Grants nothing, so a plain table; personal data, so it can be erased per agent. */
export const signInMigrations: readonly Migration[] = [
  {
    id: '0001-sign-in-places',
    up: (db) =>
      plainTable(db, 'sign_in_places', (table) =>
        table
          .addColumn('agent', 'text', (column) => column.notNull())
          .addColumn('network', 'text', (column) => column.notNull())
          .addColumn('first_at', 'integer', (column) => column.notNull())
          .addColumn('last_at', 'integer', (column) => column.notNull())
          .addColumn('country', 'text')
          .addColumn('latitude', 'real')
          .addColumn('longitude', 'real')
          .addColumn('radius_km', 'real')
          .addPrimaryKeyConstraint('sign_in_places_key', ['agent', 'network']),
      ),
  },
]
