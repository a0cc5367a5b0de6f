import { type KeyObject, randomBytes } from 'node:crypto'
import { storageProblem } from './problems.ts'
import { believedRow, rowMac } from './row-mac.ts'
import { addTo, elementOf, openSum, sealSum, takeFrom } from './row-sum.ts'
import type { SqliteRows, StoredRow } from './sqlite-rows.ts'
import type { Row } from './storage.ts'

/** What authority amounts to: the epoch, how many rows there are, and their sum, which is known while the key is. */
interface Standing {
  readonly epoch: number
  readonly rowCount: number
  readonly sum: bigint | undefined
}

/**
 * The epoch, and the proof that the rows which grant authority are those we wrote.
 * Before a database has seen its first key the epoch is a plain number; from then on only a holder of the key can raise it.
 * Refuses: to write authority without the key or after the sum did not fit, and to read a row that other hands changed.
 */
export class Authority {
  readonly #rows: SqliteRows
  readonly #instanceId: string
  #key: KeyObject | undefined
  #keyed: boolean
  #tampered = false
  #committed: Standing
  /** The standing at the beginning of the transaction, the key then, and what the transaction made of it so far. */
  #base: Standing
  #baseKey: KeyObject | undefined
  #draft: Standing
  /** Of the work that runs: whether it raised the epoch, and whether that epoch still waits for its change(). */
  #raised = false
  #reserved = false

  constructor(rows: SqliteRows, instanceId: string) {
    this.#rows = rows
    this.#instanceId = instanceId
    const stored = rows.standing()
    this.#keyed = stored.mac.length > 0
    this.#committed = { epoch: stored.epoch, rowCount: stored.rowCount, sum: undefined }
    this.#base = this.#committed
    this.#draft = this.#committed
  }

  /** Of the last commit. */
  get epoch(): number {
    return this.#committed.epoch
  }

  /** Rows of all tables at the last commit, by our own count and not by what lies there. */
  get rowCount(): number {
    return this.#committed.rowCount
  }

  get key(): KeyObject | undefined {
    return this.#key
  }

  setKey(key: KeyObject | undefined): void {
    this.#key = key
    this.#tampered = false
    this.#committed = { ...this.#committed, sum: undefined }
  }

  /** At the beginning of a transaction. */
  begin(): void {
    if (this.#key && this.#committed.sum === undefined && !this.#tampered) this.#open(this.#key)
    this.#base = this.#committed
    this.#baseKey = this.#key
    this.#draft = this.#base
  }

  /** Before a piece of work; gives the function that takes back what the work does. */
  mark(): () => void {
    const before = this.#draft
    this.#raised = false
    this.#reserved = false
    return () => {
      this.#draft = before
    }
  }

  /** Raises the epoch for one change and gives it. */
  change(): number {
    if (this.#keyed || this.#key) this.#writingKey()
    if (!this.#reserved) this.#raise()
    this.#reserved = false
    return this.#draft.epoch
  }

  put(table: string, given: Row): void {
    const key = this.#writingKey()
    this.#reserve()
    const row = { ...this.#everyColumn(table, given), epoch: this.#draft.epoch }
    this.#subtract(key, table, String(given.id))
    const mac = rowMac(key, table, row)
    this.#rows.put(table, { ...row, mac })
    this.#count(1, addTo(this.#draft.sum ?? 0n, elementOf(key, table, mac)))
  }

  remove(table: string, id: string): void {
    const key = this.#writingKey()
    this.#reserve()
    if (this.#subtract(key, table, id)) this.#rows.remove(table, id)
  }

  /** A row inside the transaction, believed. Throws Problem `row_tampered`. */
  get(table: string, id: string): Row | undefined {
    const stored = this.#rows.get(table, id)
    if (!stored) return undefined
    const row = this.believe(table, stored)
    if (!row) throw storageProblem('row_tampered', { facts: { table, id } })
    return row
  }

  /** The row without its MAC if that holds, else undefined. Throws Problem `vault_sealed` without the key. */
  believe(table: string, stored: StoredRow): Row | undefined {
    return believedRow(this.requireKey(), table, stored)
  }

  /** Throws Problem `vault_sealed` without the key. */
  requireKey(): KeyObject {
    if (!this.#key) throw storageProblem('vault_sealed')
    return this.#key
  }

  /** Before the commit: writes the standing if it moved. Throws Problem `vault_sealed` if the vault was sealed meanwhile. */
  seal(): void {
    if (this.#draft === this.#base) return
    if (this.#key !== this.#baseKey) throw storageProblem('vault_sealed')
    const { epoch, rowCount, sum } = this.#draft
    if (this.#key && sum !== undefined) {
      this.#rows.putStanding(sealSum(this.#key, this.#instanceId, { epoch, rowCount, sum }, randomBytes(16)))
    } else this.#rows.putStanding({ epoch, rowCount, nonce: NONE, sum: NONE, mac: NONE })
  }

  /** After the commit. */
  committed(): void {
    if (this.#draft === this.#base) return
    this.#keyed ||= this.#draft.sum !== undefined
    this.#committed = this.#draft
  }

  /** Adds up all rows in committed state and compares. Throws Problem `vault_sealed` without the key. */
  check(): 'ok' | 'tampered' {
    const key = this.requireKey()
    this.#committed = { ...this.#committed, sum: undefined }
    this.#tampered = false
    this.#open(key)
    const { sum, rowCount } = this.#committed
    let [total, found] = [0n, 0]
    for (const table of this.#rows.tables()) {
      for (const mac of this.#rows.macs(table)) {
        total = addTo(total, elementOf(key, table, mac))
        found += 1
      }
    }
    this.#tampered ||= total !== sum || found !== rowCount
    return this.#tampered ? 'tampered' : 'ok'
  }

  /** Inside a transaction: deletes rows that are not believed, adds up the others, raises the epoch above `above`. */
  accept(above: number): { removed: string[]; epoch: number } {
    const key = this.requireKey()
    const removed: string[] = []
    let [sum, rowCount] = [0n, 0]
    for (const table of this.#rows.tables()) {
      const bad: string[] = []
      for (const stored of this.#rows.scan(table, 'transaction')) {
        if (!believedRow(key, table, stored)) bad.push(stored.id)
        else [sum, rowCount] = [addTo(sum, elementOf(key, table, stored.mac)), rowCount + 1]
      }
      for (const id of bad) this.#rows.remove(table, id)
      removed.push(...bad.map((id) => `${table}/${id}`))
    }
    this.#tampered = false
    this.#draft = { epoch: Math.max(this.#committed.epoch, above) + 1, rowCount, sum }
    return { removed, epoch: this.#draft.epoch }
  }

  /** Takes the stored standing over into memory, or notes that it is not ours. */
  #open(key: KeyObject): void {
    const stored = this.#rows.standing()
    const isNew = stored.mac.length === 0 && !this.#keyed
    const sum = isNew ? this.#sumOfNew() : openSum(key, this.#instanceId, stored)
    if (sum === undefined || stored.epoch !== this.#committed.epoch) this.#tampered = true
    else this.#committed = { epoch: stored.epoch, rowCount: stored.rowCount, sum }
  }

  /** A database that never saw a key has no authority in it; rows without a sum were put there by other hands. */
  #sumOfNew(): bigint | undefined {
    return this.#rows.tables().every((table) => this.#rows.isEmpty(table)) ? 0n : undefined
  }

  #writingKey(): KeyObject {
    if (this.#tampered) throw storageProblem('rows_tampered')
    if (!this.#key || this.#draft.sum === undefined) throw storageProblem('vault_sealed')
    return this.#key
  }

  #everyColumn(table: string, given: Row): Record<string, string | number | Uint8Array | null> {
    const row: Record<string, string | number | Uint8Array | null> = {}
    for (const name of this.#rows.columns(table)) if (name !== 'mac') row[name] = given[name] ?? null
    for (const name of Object.keys(given)) if (!(name in row)) throw new TypeError(`${table} has no column ${name}`)
    return row
  }

  /**
   * Takes the row that is there out of the sum; false if there is none. A row that other hands changed stays in the sum:
   * taking authority away must not fail because of it, and check() must still find that it was there.
   */
  #subtract(key: KeyObject, table: string, id: string): boolean {
    const stored = this.#rows.get(table, id)
    if (stored && believedRow(key, table, stored)) {
      this.#count(-1, takeFrom(this.#draft.sum ?? 0n, elementOf(key, table, stored.mac)))
    }
    return stored !== undefined
  }

  #count(rows: 1 | -1, sum: bigint): void {
    this.#draft = { epoch: this.#draft.epoch, rowCount: this.#draft.rowCount + rows, sum }
  }

  #reserve(): void {
    if (this.#raised) return
    this.#raise()
    this.#reserved = true
  }

  #raise(): void {
    this.#raised = true
    this.#draft = { ...this.#draft, epoch: this.#draft.epoch + 1 }
  }
}

const NONE = new Uint8Array()
