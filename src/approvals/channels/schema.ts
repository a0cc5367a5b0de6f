import { authenticatedTable, type Migration } from '../../storage/migrations.ts'

/**
 * `secret` is sealed by the vault for this channel. `people` is JSON. A notice is one message to one person; `yes` and `no`
 * are hashes of what a tap must show, so that who reads the database can tap nothing. Times are milliseconds since 1970.
 */
export const channelsMigrations: readonly Migration[] = [
  {
    id: '0051-channels',
    async up(db) {
      await authenticatedTable(db, 'channels', (table) =>
        table
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('account', 'text', (column) => column.notNull())
          .addColumn('people', 'text', (column) => column.notNull())
          .addColumn('quiet', 'text')
          .addColumn('after_seconds', 'integer', (column) => column.notNull())
          .addColumn('secret', 'blob', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull()),
      )
      await authenticatedTable(db, 'channel_notices', (table) =>
        table
          .addColumn('channel', 'text', (column) => column.notNull())
          .addColumn('approval', 'text', (column) => column.notNull())
          .addColumn('digest', 'text', (column) => column.notNull())
          .addColumn('user', 'text', (column) => column.notNull())
          .addColumn('place', 'text', (column) => column.notNull())
          .addColumn('message', 'text', (column) => column.notNull())
          .addColumn('dated', 'integer', (column) => column.notNull())
          .addColumn('yes', 'text')
          .addColumn('no', 'text'),
      )
    },
  },
  {
    // `token` is the keyed hash of the cookie that the device is known by.
    id: '0057-push-devices',
    async up(db) {
      await authenticatedTable(db, 'push_devices', (table) =>
        table
          .addColumn('operator', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('endpoint', 'text', (column) => column.notNull())
          .addColumn('p256dh', 'text', (column) => column.notNull())
          .addColumn('auth', 'text', (column) => column.notNull())
          .addColumn('token', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull()),
      )
    },
  },
]
