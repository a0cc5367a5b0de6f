/**
 * What the rest of the house may ask of the database. The one way to make such a thing is `openStorage` (open-storage.ts).
 *
 * Owns: the database file, its transactions, the epoch, the outbox, the authentication of rows.
 * Invariant: nothing is acknowledged before it is committed, followed by the read-models and recorded; a row that grants
 * authority carries a MAC that only the holder of the vault's key can make.
 * Refuses: to go on after an I/O error, to write an authenticated row without the key, to open a newer database.
 */
import type { KeyObject } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Canonical } from '../ground/canonical-json.ts'
import type { Statement, StatementValues } from './statement.ts'

/** Who did it, as the audit log names them. `key` is a token id or key thumbprint, never a token. */
export interface Actor {
  readonly kind: 'operator' | 'agent' | 'service' | 'system'
  readonly id: string
  readonly key?: string
}

/** The audit record that a change asks for. `ev` must have a canonical JSON form and hold no secret. */
export interface ChangeRecord {
  /** Audit type: 'auth', 'grant', 'revoke', 'secret.stored', 'key.rotated', 'config', … */
  readonly type: string
  readonly actor?: Actor
  /** What a human was asked, where the change is of that. */
  readonly approval?: { readonly id: string; readonly digest: string }
  readonly ev: { readonly [name: string]: Canonical | undefined }
}

export interface NewChange {
  /** What was changed: 'agent', 'token', 'service', 'credential', 'grant', 'operator', 'revoke_all', … */
  readonly kind: string
  /** Which one: an id. */
  readonly ref: string
  /** Handed to followers in this process, never stored. */
  readonly after?: unknown
  readonly record: ChangeRecord
}

export interface Change extends NewChange {
  /** Outbox id: unique in this database, never given twice. */
  readonly id: number
  readonly epoch: number
}

/** A change whose record may be missing, as it was found at boot. */
export interface PendingChange extends Change {
  /** Whether its MAC holds. Not so without the key, for changes before the first key, and for rows that others wrote. */
  readonly proven: boolean
}

/** A row of an authenticated table. `epoch` and `mac` are set by storage. */
export type Row = Readonly<Record<string, string | number | Uint8Array | null>>

// biome-ignore lint/suspicious/noExplicitAny: each room types its own tables
export type Db = Kysely<any>

export interface Tx {
  /** For plain tables. Authenticated tables may be read through it, and written only with put() and remove(). */
  readonly db: Db
  /** One row of an authenticated table, its MAC checked. Throws Problem `row_tampered` if the MAC does not hold. */
  get<R = Row>(table: string, id: string): Promise<R | undefined>
  /**
   * Inserts or replaces (by `id`) a row of an authenticated table; sets its `epoch` and `mac`.
   * Throws Problem `vault_sealed` without the key, `rows_tampered` after a check that failed. A row that other hands edited
   * is replaced all the same (a revocation must not fail because of it), and checkRows() says 'tampered' from then on.
   */
  put(table: string, row: Row): Promise<void>
  /** Deletes a row of an authenticated table; nothing happens if there is none. Throws as put() does. */
  remove(table: string, id: string): Promise<void>
  /** Raises the epoch, writes the outbox row in this transaction, and gives the new epoch. */
  change(change: NewChange): Promise<number>
}

export interface WriteOptions<T = unknown> {
  /** Takes authority away (revoke, lock, seal): when the disk is full, the reserve is given up for it and it is tried again. */
  readonly urgent?: boolean
  /**
   * Not synced by itself, for plain rows whose loss in a power cut harms nobody (a challenge is asked for again). Whatever
   * is written later and synced brings it along: the log of the database is synced as a whole.
   */
  readonly volatile?: boolean
  /**
   * Called in the turn of the commit, once its records are handed in and before they are durable: what is recorded next stands after
   * them, and shares their sync. Nobody is told, and nothing done, before the write resolves.
   */
  readonly committed?: (value: T) => void
}

export interface Storage {
  /** Made with the database, 32 hex characters. */
  readonly instanceId: string
  /** Committed state only: a write in flight is not seen. Queries of one `work` may see different commits. */
  read<T>(work: (db: Db) => Promise<T>): Promise<T>
  /**
   * Runs `work` in a transaction. Writes asked for in one turn of the event loop share one transaction and one sync, a
   * savepoint each: one that throws is undone alone. Resolves after the commit, the followers, and the durable record of
   * each of its changes. `work` must await nothing but `tx`, and must not call write() itself.
   * Throws what `work` throws; Problem `storage_full` (nothing was changed), `storage_failed` (the process must end).
   */
  write<T>(work: (tx: Tx) => Promise<T>, options?: WriteOptions<T>): Promise<T>
  /**
   * The same for one statement on plain tables, without a record; its rows. It costs a third of a piece of work that runs the
   * same statement, and shares the transaction with others.
   */
  run<R>(statement: Statement<R>, values: StatementValues, options?: WriteOptions): Promise<R[]>
  /** Read-models: called synchronously right after the commit, in epoch order. A listener must not throw. */
  follow(listener: (change: Change) => void): void
  /** Set once: appends the audit record of a change and resolves to its seq when that is durable. */
  recordWith(recorder: (change: Change) => Promise<number>): void
  /** Changes whose record is not known to be durable, oldest first, without `after`: read once, at boot. */
  pending(): Promise<readonly PendingChange[]>
  /** Notes that change `id` has its record at `seq`. */
  markRecorded(id: number, seq: number): Promise<void>
  /** The epoch of the last commit. Worth trusting only after checkRows() said 'ok'. */
  epoch(): number
  /** How many authenticated rows there are, by storage's own count. Worth trusting only after checkRows() said 'ok'. */
  rowCount(): number
  /** The key that authenticates rows: given after unsealing, taken back (undefined) at sealing. */
  authenticateWith(key: KeyObject | undefined): void
  /**
   * All rows of an authenticated table whose MAC holds; `bad` lists the ids of those whose MAC does not. Reads at once when
   * called: what is loaded in one turn is of one moment. Throws Problem `vault_sealed` without the key.
   */
  load<R = Row>(table: string): Promise<{ rows: R[]; bad: string[] }>
  /** The same for large tables, one row at a time: `take` is called before this returns. Resolves to the bad ids. */
  loadEach<R = Row>(table: string, take: (row: R) => void): Promise<string[]>
  /**
   * Whether the rows that are there are those that were put, and the epoch is the one that was reached: finds rows
   * deleted, inserted or replayed. What a row says is checked by load(). After 'tampered', writes of authenticated rows
   * are refused (Problem `rows_tampered`) until acceptRows().
   */
  checkRows(): Promise<'ok' | 'tampered'>
  /**
   * An operator takes the rows as they are: those whose MAC fails are deleted and named, the sum is made anew, the epoch
   * raised above its own value and `above`. For restores and repairs; the caller records it.
   */
  acceptRows(above: number): Promise<{ removed: readonly string[]; epoch: number }>
  close(): Promise<void>
}
