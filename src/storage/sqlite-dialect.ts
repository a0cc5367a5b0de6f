import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Db } from './storage.ts'

const CACHED_STATEMENTS = 256

/** Prepared statements by their text, the least recently used dropped first. */
export class StatementCache {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    const statement = known ?? this.#database.prepare(sql)
    if (known) this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > CACHED_STATEMENTS) {
      const oldest = this.#statements.keys().next().value
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    return statement
  }
}

/**
 * kysely over one node:sqlite connection. Statements run synchronously, so a query is never torn apart by another; the
 * caller decides about transactions, and kysely's own are refused. Each query runs inside `guard`.
 */
export function kyselyOver(statements: StatementCache, guard: <T>(run: () => T) => T): Db {
  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery) => guard(() => runQuery<R>(statements, query)),
    async *streamQuery<R>(query: CompiledQuery) {
      yield guard(() => runQuery<R>(statements, query))
    },
  }
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => singleConnectionDriver(connection),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
  return new Kysely({ dialect })
}

function runQuery<R>(statements: StatementCache, query: CompiledQuery): QueryResult<R> {
  return runStatement<R>(statements.get(query.sql), query.parameters as SQLInputValue[])
}

/** Asking SQLite makes an object for every column, so each statement is asked once. */
const rowGivers = new WeakMap<StatementSync, boolean>()

function givesRows(statement: StatementSync): boolean {
  const known = rowGivers.get(statement)
  if (known !== undefined) return known
  const gives = statement.columns().length > 0
  rowGivers.set(statement, gives)
  return gives
}

/** Its rows, or what it changed. */
export function runStatement<R>(statement: StatementSync, parameters: readonly SQLInputValue[]): QueryResult<R> {
  if (givesRows(statement)) return { rows: statement.all(...parameters) as R[] }
  const { changes, lastInsertRowid } = statement.run(...parameters)
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
}

function singleConnectionDriver(connection: DatabaseConnection): Driver {
  const refuse = async () => {
    throw new TypeError('transactions are made by storage.write()')
  }
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: async () => {},
  }
}
