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

/** Reads a statement's values in the order of its columns. */
type Values = SQLOutputValue[]

/** Rows of authenticated tables, by raw statements. Knows nothing of keys: what it reads is not to be believed yet. */
export class SqliteRows {
  readonly #engine: SqliteEngine
  readonly #columns = new Map<string, readonly string[]>()
  readonly #upserts = new Map<string, string>()

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
    const columns = this.columns(table)
    const select = `${this.#select(table)} where id = ?`
    const values = this.#engine.raw(() => arrays(this.#engine.writes, select).get(id))
    return values && toStored(columns, values as unknown as Values)
  }

  /** Inside the transaction. `row` has every column of the table. */
  put(table: string, row: Row): void {
    const values = this.columns(table).map((name) => (row[name] ?? null) as SQLInputValue)
    this.#engine.raw(() => this.#engine.writes.get(this.#upsert(table)).run(...values))
  }

  /** Inside the transaction. */
  remove(table: string, id: string): void {
    this.columns(table)
    this.#engine.raw(() => this.#engine.writes.get(`delete from ${quoted(table)} where id = ?`).run(id))
  }

  /** Every row of `table`, one at a time: a large table is never in memory twice. Committed state, or the transaction's. */
  *scan(table: string, from: 'committed' | 'transaction' = 'committed'): Generator<StoredRow> {
    const columns = this.columns(table)
    const cache = from === 'committed' ? this.#engine.reads : this.#engine.writes
    for (const values of this.#each(cache, this.#select(table))) yield toStored(columns, values)
  }

  isEmpty(table: string): boolean {
    this.columns(table)
    const select = `select 1 from ${quoted(table)} limit 1`
    return this.#engine.raw(() => this.#engine.reads.get(select).get()) === undefined
  }

  /** Epoch and sum as stored, in committed state; nothing reached if the row is gone. */
  standing(): SealedSum {
    const select = 'select epoch, row_count, nonce, sum, mac from authority where id = 1'
    const values = this.#engine.raw(() => arrays(this.#engine.reads, select).get()) as unknown as Values | undefined
    const [epoch = 0, rowCount = 0, ...blobs] = values ?? []
    const [nonce = NONE, sum = NONE, mac = NONE] = blobs.map(bytesOf)
    return { epoch: counted(epoch), rowCount: counted(rowCount), nonce, sum, mac }
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
    for (const [mac] of this.#each(this.#engine.reads, `select mac from ${quoted(table)}`)) yield bytesOf(mac)
  }

  #upsert(table: string): string {
    const known = this.#upserts.get(table)
    if (known !== undefined) return known
    const columns = this.columns(table).map(quoted)
    const update = columns.map((name) => `${name} = excluded.${name}`).join(', ')
    const places = columns.map(() => '?').join(', ')
    const into = `insert into ${quoted(table)} (${columns.join(', ')}) values (${places})`
    const upsert = `${into} on conflict (id) do update set ${update}`
    this.#upserts.set(table, upsert)
    return upsert
  }

  #select(table: string): string {
    return `select ${this.columns(table).map(quoted).join(', ')} from ${quoted(table)}`
  }

  /** Steps through a statement with errors sorted, and puts it back when the reader stops early. */
  *#each(cache: StatementCache, sql: string): Generator<Values> {
    const rows = this.#engine.raw(() => arrays(cache, sql).iterate()) as unknown as Iterator<Values>
    try {
      for (let next = this.#engine.raw(() => rows.next()); !next.done; next = this.#engine.raw(() => rows.next())) {
        yield next.value
      }
    } finally {
      rows.return?.()
    }
  }
}

/** Integers as bigints, so that one beyond 2⁵³ makes one bad row and not a failed query; rows as arrays, which are small. */
function arrays(cache: StatementCache, sql: string): StatementSync {
  const statement = cache.get(sql)
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  return statement
}

function toStored(columns: readonly string[], values: Values): StoredRow {
  const row: Record<string, string | number | Uint8Array | null> = {}
  let mac: Uint8Array = NONE
  let honest = true
  for (const [at, name] of columns.entries()) {
    const value = values[at] ?? null
    if (name === 'mac') mac = bytesOf(value)
    else if (typeof value !== 'bigint') row[name] = value
    else {
      row[name] = Number(value)
      honest &&= Number.isSafeInteger(row[name])
    }
  }
  return { id: String(row.id), row: honest ? row : undefined, mac }
}

/** What is no count of ours is 0, which no MAC of ours covers together with the rest of its row. */
function counted(value: unknown): number {
  const number = Number(value)
  return Number.isSafeInteger(number) && number >= 0 ? number : 0
}

const NONE = new Uint8Array()
const bytesOf = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : NONE)
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
