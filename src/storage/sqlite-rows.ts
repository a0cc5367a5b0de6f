import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { SealedSum } from './row-sum.ts'
import type { StatementCache } from './sqlite-dialect.ts'
import type { SqliteEngine } from './sqlite-engine.ts'
import type { Row } from './storage.ts'

/** A row as it lies in the file. `row` is undefined if it holds what no honest writer puts there (integers beyond 2⁵³). */
export interface StoredRow {
  readonly id: string
  readonly row: Row | undefined
  readonly mac: Uint8Array
}

type Raw = Record<string, SQLOutputValue>

/** Rows of authenticated tables, by raw statements. Knows nothing of keys: what it reads is not to be believed yet. */
export class SqliteRows {
  readonly #engine: SqliteEngine
  readonly #columns = new Map<string, readonly string[]>()

  constructor(engine: SqliteEngine) {
    this.#engine = engine
  }

  /** Names of the authenticated tables. */
  tables(): string[] {
    const rows = this.#engine.raw(() => this.#engine.reads.get('select name from authenticated_tables').all())
    return rows.map((row) => String(row.name))
  }

  /** The columns of `table`, sorted by name. Throws TypeError if it is not an authenticated table. */
  columns(table: string): readonly string[] {
    const known = this.#columns.get(table)
    if (known) return known
    if (!this.tables().includes(table)) throw new TypeError(`'${table}' is not an authenticated table`)
    const infos = this.#engine.raw(() => this.#engine.reads.get(`PRAGMA table_info(${quoted(table)})`).all())
    const columns = infos.map((info) => String(info.name)).sort()
    this.#columns.set(table, columns)
    return columns
  }

  /** Inside the transaction. */
  get(table: string, id: string): StoredRow | undefined {
    this.columns(table)
    const select = `select * from ${quoted(table)} where id = ?`
    const raw = this.#engine.raw(() => bigints(this.#engine.writes, select).get(id))
    return raw && toStored(raw)
  }

  /** Inside the transaction. `row` has every column of the table. */
  put(table: string, row: Row): void {
    const columns = this.columns(table)
    const names = columns.map(quoted).join(', ')
    const update = columns.map((name) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ')
    const places = columns.map(() => '?').join(', ')
    const upsert = `insert into ${quoted(table)} (${names}) values (${places}) on conflict (id) do update set ${update}`
    const values = columns.map((name) => (row[name] ?? null) as SQLInputValue)
    this.#engine.raw(() => this.#engine.writes.get(upsert).run(...values))
  }

  /** Inside the transaction. */
  remove(table: string, id: string): void {
    this.columns(table)
    this.#engine.raw(() => this.#engine.writes.get(`delete from ${quoted(table)} where id = ?`).run(id))
  }

  /** Every row of `table`, one at a time, so that a large table is never in memory twice. Committed state, or the transaction's. */
  *scan(table: string, from: 'committed' | 'transaction' = 'committed'): Generator<StoredRow> {
    this.columns(table)
    const cache = from === 'committed' ? this.#engine.reads : this.#engine.writes
    const rows = this.#engine.raw(() => bigints(cache, `select * from ${quoted(table)}`).iterate())
    yield* this.#each(rows, toStored)
  }

  isEmpty(table: string): boolean {
    this.columns(table)
    const select = `select 1 from ${quoted(table)} limit 1`
    return this.#engine.raw(() => this.#engine.reads.get(select).get()) === undefined
  }

  /** Epoch and sum as stored, in committed state; nothing reached if the row is gone. */
  standing(): SealedSum {
    const select = 'select epoch, row_count, nonce, sum, mac from authority where id = 1'
    const row = this.#engine.raw(() => bigints(this.#engine.reads, select).get())
    const integer = (value: unknown) => (typeof value === 'bigint' ? Number(value) : 0)
    const bytes = (value: unknown) => (value instanceof Uint8Array ? value : new Uint8Array())
    const [nonce, sum, mac] = [bytes(row?.nonce), bytes(row?.sum), bytes(row?.mac)]
    return { epoch: integer(row?.epoch), rowCount: integer(row?.row_count), nonce, sum, mac }
  }

  /** Inside the transaction. */
  putStanding(standing: SealedSum): void {
    const upsert = `insert into authority (id, epoch, row_count, nonce, sum, mac) values (1, ?, ?, ?, ?, ?)
      on conflict (id) do update set epoch = excluded.epoch, row_count = excluded.row_count,
      nonce = excluded.nonce, sum = excluded.sum, mac = excluded.mac`
    const { epoch, rowCount, nonce, sum, mac } = standing
    this.#engine.raw(() => this.#engine.writes.get(upsert).run(epoch, rowCount, nonce, sum, mac))
  }

  /** The MACs of `table`, alone. */
  *macs(table: string): Generator<Uint8Array> {
    this.columns(table)
    const rows = this.#engine.raw(() => this.#engine.reads.get(`select mac from ${quoted(table)}`).iterate())
    yield* this.#each(rows, (row) => (row.mac instanceof Uint8Array ? row.mac : new Uint8Array()))
  }

  /** Steps through a statement with errors sorted, and puts it back when the reader stops early. */
  *#each<T>(rows: Iterator<Raw>, read: (row: Raw) => T): Generator<T> {
    try {
      for (let next = this.#engine.raw(() => rows.next()); !next.done; next = this.#engine.raw(() => rows.next())) {
        yield read(next.value)
      }
    } finally {
      rows.return?.()
    }
  }
}

function bigints(cache: StatementCache, sql: string): StatementSync {
  const statement = cache.get(sql)
  statement.setReadBigInts(true)
  return statement
}

function toStored(raw: Raw): StoredRow {
  const mac = raw.mac instanceof Uint8Array ? raw.mac : new Uint8Array()
  const row: Record<string, string | number | Uint8Array | null> = {}
  for (const name in raw) {
    const value = raw[name]
    if (name === 'mac' || value === undefined) continue
    if (typeof value !== 'bigint') row[name] = value
    else if (Number.isSafeInteger(Number(value))) row[name] = Number(value)
    else return { id: String(raw.id), row: undefined, mac }
  }
  return { id: String(raw.id), row, mac }
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
