import { createHmac, type KeyObject } from 'node:crypto'
import { domain, lp } from '../crypto/framing.ts'
import { sameMac } from '../crypto/mac.ts'
import { canonicalJson } from '../ground/canonical-json.ts'
import type { SqliteEngine } from './sqlite-engine.ts'
import { Statement } from './statement.ts'
import type { Change, ChangeRecord, Db, NewChange, PendingChange } from './storage.ts'

/** Recorded rows that are kept behind the newest, to look back at; older ones go. */
const KEPT = 4_096
const RETRY_MS = 1_000

const DOMAIN = domain('outbox')

/** What a row's MAC covers. The epoch is its own in this database, so no two rows have the same. */
interface Covered {
  readonly epoch: number
  readonly kind: string
  readonly ref: string
  readonly record: string
}

const INSERT = new Statement<{ id: number }>((db, at) => {
  const row = { epoch: at('epoch'), kind: at('kind'), ref: at('ref'), record: at('record'), mac: at('mac') }
  return db.insertInto('audit_outbox').values(row).returning('id')
})
const MARK = new Statement((db, at) =>
  db
    .updateTable('audit_outbox')
    .set({ seq: at('seq') })
    .where('id', '=', at('id')),
)
const DROP = new Statement((db, at) =>
  db.deleteFrom('audit_outbox').where('seq', 'is not', null).where('id', '<=', at('upTo')),
)

/** What runs statements inside the transaction. */
type Engine = Pick<SqliteEngine, 'execute'>
type Recorder = (change: Change) => Promise<number>

/**
 * Changes on their way into the audit log: a row in the change's own transaction, marked once its record is durable.
 * Marks are not urgent (a record found twice is recognised by its outbox id), so they ride with the next transaction.
 * A change whose record failed is tried again until it succeeds; after a crash it is found by `pending()`, and its MAC
 * tells it from one that other hands wrote there to have a false record made of it.
 */
export class Outbox {
  #recorder: Recorder | undefined
  readonly #marks = new Map<number, number>()
  readonly #failed: Change[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #instanceId: string
  readonly #flushSoon: () => void

  /** `flushSoon` asks for a transaction in which `flush` is called. */
  constructor(instanceId: string, flushSoon: () => void) {
    this.#instanceId = instanceId
    this.#flushSoon = flushSoon
  }

  setRecorder(recorder: Recorder): void {
    if (this.#recorder) throw new TypeError('the recorder is set once')
    this.#recorder = recorder
  }

  /** Inside the transaction. */
  insert(engine: Engine, change: NewChange, epoch: number, key: KeyObject | undefined): Change {
    const covered = { epoch, kind: change.kind, ref: change.ref, record: recordText(change.record) }
    const values = { ...covered, mac: key ? this.#macOf(key, covered) : null }
    const [row] = engine.execute(INSERT, values)
    if (row === undefined) throw new TypeError('the outbox took a change and gave it no id')
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
  flush(engine: Engine): readonly number[] {
    const ids: number[] = []
    for (const [id, seq] of this.#marks) {
      engine.execute(MARK, { id, seq })
      ids.push(id)
    }
    const newest = ids.at(-1)
    if (newest !== undefined) engine.execute(DROP, { upTo: newest - KEPT })
    return ids
  }

  flushed(ids: readonly number[]): void {
    for (const id of ids) this.#marks.delete(id)
  }

  async pending(db: Db, key: KeyObject | undefined): Promise<readonly PendingChange[]> {
    const select = db.selectFrom('audit_outbox').select(['id', 'epoch', 'kind', 'ref', 'record', 'mac'])
    const rows = await select.where('seq', 'is', null).orderBy('id').execute()
    const open = rows.filter((row) => !this.#marks.has(row.id))
    return open.map(({ mac, ...row }) => {
      const proven = key !== undefined && mac !== null && sameMac(mac, this.#macOf(key, row))
      return { ...row, record: proven ? JSON.parse(row.record) : readRecord(row.record), proven }
    })
  }

  #macOf(key: KeyObject, { epoch, kind, ref, record }: Covered): Buffer {
    const hmac = createHmac('sha256', key).update(DOMAIN)
    for (const part of [this.#instanceId, epoch, kind, ref, record]) hmac.update(lp(part))
    return hmac.digest()
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

/** What an unproven row says, if it says anything. */
function readRecord(text: string): ChangeRecord {
  try {
    return JSON.parse(text)
  } catch {
    return { type: 'config', ev: {} }
  }
}

function recordText(record: ChangeRecord): string {
  const { type, actor, approval, ev } = record
  return canonicalJson({ type, ev, approval, actor: actor && { kind: actor.kind, id: actor.id, key: actor.key } })
}
