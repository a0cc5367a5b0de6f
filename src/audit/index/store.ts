/** The only file of the index that speaks SQL. Nothing here is worth keeping: the log can make it again. */
import { closeSync, constants, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { CreateTableBuilder, Kysely } from 'kysely'
import { kyselyOver, StatementCache } from '../../storage/sqlite-dialect.ts'
import { COLUMNS, type IndexRow } from './columns.ts'

/** Raised when the tables change: an index of another shape is made anew. */
const SHAPE = 2

interface Tables {
  records: IndexRow
  progress: { node: string; indexed_to: number }
}

export interface IndexQuery {
  readonly rid?: string | undefined
  /** Id of the actor. */
  readonly actor?: string | undefined
  readonly service?: string | undefined
  readonly type?: string | undefined
  readonly status?: number | undefined
  /** What a door calls it; `true`: anything. */
  readonly event?: string | true | undefined
  /** Milliseconds since 1970: from (inclusive) and to (exclusive). */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Only records before this position: for the next page. */
  readonly before?: number | undefined
}

export class IndexStore {
  readonly #database: DatabaseSync
  readonly #statements: StatementCache
  readonly #db: Kysely<Tables>
  readonly #insert: string

  /** Opens or makes the file. A file that is no index, or of another shape, is emptied. */
  constructor(file: string) {
    // 0600 before SQLite makes it with the umask's mode; its -wal and -shm take the mode of the file.
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
    this.#database = new DatabaseSync(file, { timeout: 1_000 })
    this.#database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY')
    this.#statements = new StatementCache(this.#database)
    this.#db = kyselyOver(this.#statements, (run) => run()) as Kysely<Tables>
    const blank = Object.fromEntries(COLUMNS.map((name) => [name, null])) as unknown as IndexRow
    this.#insert = this.#db.insertInto('records').orIgnore().values(blank).compile().sql
  }

  /** Makes the tables unless they are there. */
  async prepare(): Promise<void> {
    const { user_version: shape } = this.#database.prepare('PRAGMA user_version').get() as { user_version: number }
    if (shape === SHAPE) return
    await this.empty()
  }

  async empty(): Promise<void> {
    await this.#db.schema.dropTable('records').ifExists().execute()
    await this.#db.schema.dropTable('progress').ifExists().execute()
    const numbers = new Set<string>(['seq', 'ts', 'status'])
    let table: CreateTableBuilder<string, string> = this.#db.schema.createTable('records')
    for (const name of COLUMNS) table = table.addColumn(name, numbers.has(name) ? 'integer' : 'text')
    await table.addPrimaryKeyConstraint('records_place', ['node', 'seq']).execute()
    for (const name of ['rid', 'actor', 'service', 'type', 'ts', 'event'] as const) {
      const columns = name === 'rid' ? ['rid'] : [name, 'seq']
      await this.#db.schema.createIndex(`records_by_${name}`).on('records').columns(columns).execute()
    }
    const progress = this.#db.schema.createTable('progress').addColumn('node', 'text', (column) => column.primaryKey())
    await progress.addColumn('indexed_to', 'integer').execute()
    this.#database.exec(`PRAGMA user_version=${SHAPE}`)
  }

  async indexedTo(node: string): Promise<number> {
    const row = await this.#db.selectFrom('progress').select('indexed_to').where('node', '=', node).executeTakeFirst()
    return row?.indexed_to ?? 0
  }

  /** Rows and progress in one transaction, synchronously: the caller keeps it short. */
  add(node: string, rows: readonly IndexRow[], indexedTo: number): void {
    const insert = this.#statements.get(this.#insert)
    const { sql } = this.#db.replaceInto('progress').values({ node, indexed_to: 0 }).compile()
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const row of rows) insert.run(...COLUMNS.map((name) => row[name]))
      this.#statements.get(sql).run(node, indexedTo)
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Newest first. */
  async find(query: IndexQuery, limit: number): Promise<IndexRow[]> {
    let found = this.#db.selectFrom('records').selectAll()
    for (const name of ['rid', 'actor', 'service', 'type', 'status'] as const) {
      const value = query[name]
      if (value !== undefined) found = found.where(name, '=', value)
    }
    if (query.event !== undefined) {
      found = query.event === true ? found.where('event', 'is not', null) : found.where('event', '=', query.event)
    }
    if (query.from !== undefined) found = found.where('ts', '>=', query.from)
    if (query.to !== undefined) found = found.where('ts', '<', query.to)
    if (query.before !== undefined) found = found.where('seq', '<', query.before)
    return await found.orderBy('seq', 'desc').limit(limit).execute()
  }

  /** Statuses of the outcomes of these requests. */
  async statuses(rids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('records')
      .select(['rid', 'status'])
      .where('type', '=', 'outcome')
      .where('rid', 'in', rids)
      .execute()
    return new Map(rows.flatMap(({ rid, status }) => (rid === null || status === null ? [] : [[rid, status] as const])))
  }

  close(): void {
    this.#database.close()
  }
}
