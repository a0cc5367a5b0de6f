import { sql } from 'kysely'
import { authenticatedTable, type Migration } from '../../storage/migrations.ts'
import type { Db } from '../../storage/storage.ts'

/**
 * All of these grant authority or weigh in a score that grants it, so all are authenticated. `relying_keys.hash` is a keyed
 * hash: no key can be made from it. Ids of roles are `<service>/<role>`, of assignments `<agent>/<service>/<role>`;
 * `permissions` is canonical JSON. `trust_reports.score` is the number as JSON writes it, `score_before` is in tenths;
 * `window_at` is when the 24 hours began in which the service has this one report.
 */
export const relyingMigrations: readonly Migration[] = [
  {
    id: '0001-relying',
    async up(db) {
      await serviceTables(db)
      await roleTables(db)
      await reportTable(db)
      for (const [name, on] of indexes) await sql.raw(`create index ${name} on ${on}`).execute(db)
    },
  },
]

const indexes = [
  ['relying_keys_by_service', 'relying_keys (service)'],
  ['relying_roles_by_service', 'relying_roles (service)'],
  ['role_assignments_by_role', 'role_assignments (service, role)'],
  ['role_assignments_by_agent', 'role_assignments (agent, service)'],
  ['trust_reports_by_pair', 'trust_reports (agent, service, window_at)'],
] as const

async function serviceTables(db: Db): Promise<void> {
  await authenticatedTable(db, 'relying_services', (table) =>
    table
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('is_default', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull()),
  )
  await authenticatedTable(db, 'relying_keys', (table) =>
    table
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('label', 'text')
      .addColumn('hash', 'blob', (column) => column.notNull().unique())
      .addColumn('pepper', 'integer', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('revoked_at', 'integer'),
  )
}

async function roleTables(db: Db): Promise<void> {
  await authenticatedTable(db, 'relying_roles', (table) =>
    table
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('permissions', 'text', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull()),
  )
  await authenticatedTable(db, 'role_assignments', (table) =>
    table
      .addColumn('agent', 'text', (column) => column.notNull())
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'integer')
      .addColumn('created_at', 'integer', (column) => column.notNull()),
  )
}

async function reportTable(db: Db): Promise<void> {
  await authenticatedTable(db, 'trust_reports', (table) =>
    table
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('agent', 'text', (column) => column.notNull())
      .addColumn('score', 'text', (column) => column.notNull())
      .addColumn('score_before', 'integer', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('reason_salt', 'blob', (column) => column.notNull())
      .addColumn('at', 'integer', (column) => column.notNull())
      .addColumn('window_at', 'integer', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('disputed_at', 'integer')
      .addColumn('decided_at', 'integer'),
  )
}
