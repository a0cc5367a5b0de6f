import { authenticatedTable, type Migration } from '../storage/migrations.ts'

/**
 * `action` and `verdicts` are JSON; `digest` is the action's, hex. `body_key` opens the file in which the body waits, and is
 * itself sealed by the vault. `rid` and `boot`: the call that used it last, so that a crash between use and intent is seen.
 * Times are milliseconds since 1970.
 */
export const approvalsMigrations: readonly Migration[] = [
  {
    id: '0001-approvals',
    async up(db) {
      await authenticatedTable(db, 'approvals', (table) =>
        table
          .addColumn('agent', 'text', (column) => column.notNull())
          .addColumn('digest', 'text', (column) => column.notNull())
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('action', 'text', (column) => column.notNull())
          .addColumn('verdicts', 'text', (column) => column.notNull())
          .addColumn('token', 'text', (column) => column.notNull())
          .addColumn('opened_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer', (column) => column.notNull())
          .addColumn('used', 'integer', (column) => column.notNull())
          .addColumn('rid', 'text')
          .addColumn('body_key', 'blob')
          .addColumn('content_type', 'text')
          .addColumn('idempotency_key', 'text'),
      )
    },
  },
  {
    // `sealed`: the private key, PKCS #8, sealed by the vault; null once it signs no more. `receipt`: made with the verdict.
    id: '0053-receipts',
    async up(db) {
      await authenticatedTable(db, 'receipt_keys', (table) =>
        table
          .addColumn('spki', 'blob', (column) => column.notNull())
          .addColumn('sealed', 'blob')
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('retired_at', 'integer'),
      )
      await db.schema.alterTable('approvals').addColumn('receipt', 'text').execute()
    },
  },
  {
    // What the key signed from then on counts for nothing.
    id: '0060-compromised-receipt-keys',
    async up(db) {
      await db.schema.alterTable('receipt_keys').addColumn('compromised_since', 'integer').execute()
    },
  },
  {
    // JSON of the window that a yes may open at once.
    id: '0060-trust-windows',
    async up(db) {
      await db.schema.alterTable('approvals').addColumn('offer', 'text').execute()
    },
  },
  {
    // `later`: JSON of what becomes of a call that the gateway sends for an agent. `answer_key`: opens the file of the answer.
    id: '0061-sent-later',
    async up(db) {
      await db.schema.alterTable('approvals').addColumn('later', 'text').execute()
      await db.schema.alterTable('approvals').addColumn('answer_key', 'blob').execute()
    },
  },
]
