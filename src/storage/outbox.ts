import { canonicalJson } from '../ground/canonical-json.ts'
import type { Change, ChangeRecord, Db, NewChange } from './storage.ts'

/** Recorded rows that are kept behind the newest, to look back at; older ones go. */
const KEPT = 4_096
const RETRY_MS = 1_000

type Recorder = (change: Change) => Promise<number>

/**
 * Changes on their way into the audit log: a row in the change's own transaction, marked once its record is durable.
 * Marks are not urgent (a record found twice is recognised by its outbox id), so they ride with the next transaction.
 * A change whose record failed is tried again until it succeeds; after a crash it is found by `pending()`.
 */
export class Outbox {
  #recorder: Recorder | undefined
  readonly #marks = new Map<number, number>()
  readonly #failed: Change[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #flushSoon: () => void

  /** `flushSoon` asks for a transaction in which `flush` is called. */
  constructor(flushSoon: () => void) {
    this.#flushSoon = flushSoon
  }

  setRecorder(recorder: Recorder): void {
    if (this.#recorder) throw new TypeError('the recorder is set once')
    this.#recorder = recorder
  }

  /** Inside the transaction. */
  async insert(db: Db, change: NewChange, epoch: number): Promise<Change> {
    const values = { epoch, kind: change.kind, ref: change.ref, record: recordText(change.record) }
    const row = await db.insertInto('audit_outbox').values(values).returning('id').executeTakeFirstOrThrow()
    return { ...change, id: row.id, epoch }
  }

  /** After the commit: resolves when the record is durable, rejects with what the recorder says. */
  async record(change: Change): Promise<void> {
    if (!this.#recorder) return
    try {
      this.mark(change.id, await this.#recorder(change))
    } catch (error) {
      this.#failed.push(change)
      this.#later()
      throw error
    }
  }

  mark(id: number, seq: number): void {
    this.#marks.set(id, seq)
    this.#later()
  }

  get hasMarks(): boolean {
    return this.#marks.size > 0
  }

  /** Inside a transaction: writes the marks; call `flushed` with what it gives, once that is committed. */
  async flush(db: Db): Promise<readonly number[]> {
    const ids: number[] = []
    for (const [id, seq] of this.#marks) {
      await db.updateTable('audit_outbox').set({ seq }).where('id', '=', id).execute()
      ids.push(id)
    }
    const newest = ids.at(-1)
    if (newest !== undefined) {
      const old = db.deleteFrom('audit_outbox').where('seq', 'is not', null)
      await old.where('id', '<=', newest - KEPT).execute()
    }
    return ids
  }

  flushed(ids: readonly number[]): void {
    for (const id of ids) this.#marks.delete(id)
  }

  async pending(db: Db): Promise<readonly Change[]> {
    const select = db.selectFrom('audit_outbox').select(['id', 'epoch', 'kind', 'ref', 'record'])
    const rows = await select.where('seq', 'is', null).orderBy('id').execute()
    const open = rows.filter((row) => !this.#marks.has(row.id))
    return open.map((row) => ({ ...row, record: JSON.parse(row.record) as ChangeRecord }))
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.#tick(), RETRY_MS).unref()
  }

  #tick(): void {
    this.#timer = undefined
    const again = this.#failed.splice(0)
    for (const change of again) this.record(change).catch(() => {}) // it is in #failed again
    if (this.hasMarks) this.#flushSoon()
  }
}

function recordText(record: ChangeRecord): string {
  const { type, actor, ev } = record
  return canonicalJson({ type, ev, actor: actor && { kind: actor.kind, id: actor.id, key: actor.key } })
}
