/** Assertions that were used, until they would be refused for their age. The only file here that speaks SQL. */
import { hash } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import { type Migration, plainTable } from '../../storage/migrations.ts'
import type { Storage } from '../../storage/storage.ts'

export const assertionsMigration: Migration = {
  id: '0004-used-assertions',
  // Plain: whoever deletes a row here needs the agent's signature of this very minute to gain by it.
  up: (db) =>
    plainTable(db, 'used_assertions', (table) =>
      table
        .addColumn('hash', 'blob', (column) => column.primaryKey().notNull())
        .addColumn('expires_at', 'integer', (column) => column.notNull()),
    ),
}

const SWEEP_MS = 60_000

export class UsedAssertions {
  readonly #storage: Storage
  readonly #clock: Clock
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(storage: Storage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  /** True once for each `jti` of a client: one statement says so, in whatever process. `until`: milliseconds since 1970. */
  async use(client: string, jti: string, until: number): Promise<boolean> {
    const now = this.#clock.now()
    const sweep = now - this.#sweptAt >= SWEEP_MS
    if (sweep) this.#sweptAt = now
    const row = { hash: hash('sha256', `${client}\n${jti}`, 'buffer'), expires_at: until }
    return this.#storage.write(async ({ db }) => {
      if (sweep) await db.deleteFrom('used_assertions').where('expires_at', '<', now).execute()
      const insert = db.insertInto('used_assertions').values(row)
      const inserted = await insert
        .onConflict((conflict) => conflict.doNothing())
        .returning('hash')
        .executeTakeFirst()
      return inserted !== undefined
    })
  }
}
