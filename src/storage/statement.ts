import type { CompiledQuery } from 'kysely'
import type { Db } from './storage.ts'

export type StatementValue = string | number | Uint8Array | null
export type StatementValues = Readonly<Record<string, StatementValue>>

/** Stands in a statement for a value that comes with each run. */
class Place {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/**
 * A statement that is built once: for what runs all the time, building and compiling it takes longer than running it.
 * `R` is what its rows are.
 */
export class Statement<R = never> {
  /** Only there for the type. */
  declare readonly row: R
  readonly #build: (db: Db, at: (name: string) => never) => { compile(): CompiledQuery }
  readonly #compiled = new WeakMap<Db, CompiledQuery>()

  constructor(build: (db: Db, at: (name: string) => never) => { compile(): CompiledQuery }) {
    this.#build = build
  }

  /** Its text for this database, and the values in their places. Throws TypeError for one that is not given. */
  with(db: Db, values: StatementValues): { readonly sql: string; readonly parameters: StatementValue[] } {
    let query = this.#compiled.get(db)
    if (query === undefined) {
      query = this.#build(db, (name) => new Place(name) as never).compile()
      this.#compiled.set(db, query)
    }
    const parameters = query.parameters.map((part) => (part instanceof Place ? given(values, part) : part))
    return { sql: query.sql, parameters: parameters as StatementValue[] }
  }
}

function given(values: StatementValues, { name }: Place): StatementValue {
  const value = values[name]
  if (value === undefined) throw new TypeError(`a statement was not given '${name}'`)
  return value
}
