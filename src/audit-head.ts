// The database's note of how far the log had come: a log that is shorter at the next start was cut or replaced.
import type { Audit, Head } from './audit/contract.ts'
import type { Log } from './ground/log.ts'
import { type Migration, plainTable } from './storage/migrations.ts'
import type { Storage } from './storage/storage.ts'

const EVERY_MS = 10_000
const AFTER_CHANGE_MS = 250

export const auditHeadMigrations: readonly Migration[] = [
  {
    id: '0001-audit-heads',
    up: (db) =>
      plainTable(db, 'audit_heads', (table) =>
        table
          .addColumn('node', 'text', (column) => column.primaryKey().notNull())
          .addColumn('size', 'integer', (column) => column.notNull())
          .addColumn('root', 'blob', (column) => column.notNull()),
      ),
  },
]

/** The last head noted of this node's log, if any. */
export async function notedHead(storage: Storage, node: string): Promise<Head | undefined> {
  const row = await storage.read((db) =>
    db.selectFrom('audit_heads').selectAll().where('node', '=', node).executeTakeFirst(),
  )
  return row === undefined ? undefined : { size: Number(row.size), root: Buffer.from(row.root as Uint8Array) }
}

export interface HeadKeeper {
  /** Notes the head now and stops. */
  close(): Promise<void>
}

/** Notes the head soon after every change of authority, every ten seconds while records come, and at the end. */
export function keepHead(storage: Storage, audit: Audit, node: string, log: Log): HeadKeeper {
  let noted = -1
  let soon: NodeJS.Timeout | undefined
  const note = async () => {
    const { size, root } = audit.head()
    if (size === noted) return
    noted = size
    const row = { node, size, root }
    await storage.write((tx) =>
      tx.db
        .insertInto('audit_heads')
        .values(row)
        .onConflict((conflict) => conflict.column('node').doUpdateSet(row))
        .execute(),
    )
  }
  const tryNote = () =>
    void note().catch((error: Error) => log.warn({ err: error }, 'the head of the log could not be noted'))
  const timer = setInterval(tryNote, EVERY_MS).unref()
  storage.follow(() => {
    soon ??= setTimeout(() => {
      soon = undefined
      tryNote()
    }, AFTER_CHANGE_MS).unref()
  })
  return {
    close: async () => {
      clearInterval(timer)
      clearTimeout(soon)
      await note()
    },
  }
}
