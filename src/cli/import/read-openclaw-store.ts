// Reads OpenClaw's databases without leaving a trace: SQLite makes files beside one that it opens, unless told that it is immutable.
import { existsSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { cliProblem } from '../problems.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>

export interface Tables {
  /** Rows of a table; none where there is no such table, or where it lacks a column that is asked for. */
  rows(table: string, columns: readonly string[]): readonly Row[]
}

/** Throws Problem `file_unreadable` for what is no database, or one that cannot be read without changing it. */
export function readTables<T>(file: string, work: (tables: Tables) => T): T {
  const url = pathToFileURL(file)
  const running = existsSync(`${file}-shm`)
  const pending = existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0
  if (pending && !running)
    throw cliProblem('file_unreadable', { detail: `${file} was not closed in order: start OpenClaw once and stop it.` })
  if (!running) url.searchParams.set('immutable', '1')
  try {
    using database = new DatabaseSync(url, { readOnly: true })
    return work({ rows: (table, columns) => rowsOf(database, table, columns) })
  } catch (error) {
    if (!/SQLITE|sqlite/.test(String((error as NodeJS.ErrnoException).code))) throw error
    throw cliProblem('file_unreadable', { detail: `${file} is not a database that can be read.`, cause: error })
  }
}

function rowsOf(database: DatabaseSync, table: string, columns: readonly string[]): Row[] {
  const there = database
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map(({ name }) => name)
  if (!columns.every((column) => there.includes(column))) return []
  return database.prepare(`SELECT ${columns.join(', ')} FROM ${table}`).all()
}
