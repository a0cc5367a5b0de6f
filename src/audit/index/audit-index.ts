/**
 * The query index: finds records, never proves them. Owns its own database file, filled by following the log behind its
 * back; its invariant: it knows how far it got and says so. It refuses to hurry: under load it takes a hundredth of the
 * time, at rest a fifth, and every answer names (node, seq), which can be checked against the log.
 */
import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Clock } from '../../ground/clock.ts'
import { lineAt } from '../find-line.ts'
import type { LogRecord } from '../find-record.ts'
import { type IndexRow, RowMaker } from './columns.ts'
import { LineReader } from './line-reader.ts'
import { type IndexQuery, IndexStore } from './store.ts'

/** Lines of one turn: one to two milliseconds. */
const BATCH = 64
const REST_FACTOR_BUSY = 99
const REST_FACTOR_QUIET = 4
const LOOK_AGAIN_MS = 250
const MOST_ROWS = 1_000
/** Records that are indexed before an answer: a tenth of a second. */
const QUICKLY = 5_000

export interface AuditIndexOptions {
  /** Directory of one node's log; its name is the node's id. */
  readonly dir: string
  /** The index's own database file. */
  readonly file: string
  /** Number of acknowledged records. */
  readonly size: () => number
  readonly clock: Clock
  readonly onTrouble: (error: unknown) => void
}

export interface IndexAnswer {
  readonly rows: readonly IndexRow[]
  /** The records themselves, from the log, in the same order. */
  readonly records: readonly LogRecord[]
  readonly indexedTo: number
  /** Records that are in the log and not in the index yet. */
  readonly lag: number
}

export class AuditIndex {
  readonly #options: AuditIndexOptions
  readonly #node: string
  #store: IndexStore
  #reader: LineReader
  #maker = new RowMaker()
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()
  #sizeBefore = 0
  #closed = false
  #paused = false

  private constructor(options: AuditIndexOptions, store: IndexStore, from: number) {
    this.#options = options
    this.#node = basename(options.dir)
    this.#store = store
    this.#reader = new LineReader(options.dir, from)
  }

  /** Opens the index and begins to follow. A file that cannot be used is thrown away and made again. */
  static async open(options: AuditIndexOptions): Promise<AuditIndex> {
    const { store, from } = await openStore(options).catch(async () => {
      for (const suffix of ['', '-wal', '-shm']) await rm(`${options.file}${suffix}`, { force: true })
      return await openStore(options)
    })
    const index = new AuditIndex(options, store, from)
    index.#later(0)
    return index
  }

  /** Records that are in the log and not in the index yet. */
  get lag(): number {
    return Math.max(0, this.#options.size() - this.#reader.next)
  }

  /** Newest first, at most `limit` (1,000). Catches up first where that is quick. The log answers for the content. */
  async find(query: IndexQuery, limit: number): Promise<IndexAnswer> {
    if (!this.#paused && this.lag > 0 && this.lag <= QUICKLY) await this.catchUp()
    const rows = await this.#store.find(query, Math.min(limit, MOST_ROWS))
    const records = rows.flatMap(({ seq }) => {
      const line = lineAt(this.#options.dir, seq)
      return line === undefined ? [] : [JSON.parse(line) as LogRecord]
    })
    return { rows, records, indexedTo: this.#reader.next, lag: this.lag }
  }

  /** Statuses of the outcomes of these requests, as far as they are in the index; at most 1,000. */
  statuses(rids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#store.statuses(rids.slice(0, MOST_ROWS))
  }

  /** Empties the index and fills it again from the log; resolves to the number of records when it has caught up. */
  async reindex(): Promise<number> {
    this.#paused = true
    this.#stop()
    await this.#turn
    try {
      await this.#reader.close()
      await this.#store.empty()
      this.#reader = new LineReader(this.#options.dir, 0)
      this.#maker = new RowMaker()
      await this.#catchUp()
    } finally {
      this.#paused = false
      this.#later(LOOK_AGAIN_MS)
    }
    return this.#reader.next
  }

  /** Indexes everything that is acknowledged now, giving way to other work between batches. */
  async catchUp(): Promise<void> {
    this.#paused = true
    this.#stop()
    await this.#turn
    try {
      await this.#catchUp()
    } finally {
      this.#paused = false
      this.#later(LOOK_AGAIN_MS)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stop()
    await this.#turn
    await this.#reader.close()
    this.#store.close()
  }

  async #catchUp(): Promise<void> {
    const size = this.#options.size()
    while (!this.#closed && this.#reader.next < size) {
      if ((await this.#batch(size)) === undefined) return
      await new Promise(setImmediate)
    }
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #later(ms: number): void {
    if (this.#closed || this.#paused) return
    this.#timer = setTimeout(() => {
      this.#turn = this.#work().catch((error) => {
        this.#options.onTrouble(error)
        this.#later(LOOK_AGAIN_MS * 20)
      })
    }, ms)
    this.#timer.unref()
  }

  /** One batch, then a rest: long while the log grows, so that calls keep the core; short while it is quiet. */
  async #work(): Promise<void> {
    const now = this.#options.size()
    const growing = now > this.#sizeBefore
    this.#sizeBefore = now
    const took = await this.#batch(now)
    if (took === undefined || this.#reader.next >= now) this.#later(LOOK_AGAIN_MS)
    else this.#later(Math.ceil(took * (growing ? REST_FACTOR_BUSY : REST_FACTOR_QUIET)))
  }

  /** Milliseconds for which the batch held the event loop; undefined if there was nothing to index. */
  async #batch(size: number): Promise<number | undefined> {
    const { clock } = this.#options
    const lines = await this.#reader.read(size, BATCH)
    if (lines.length === 0) return undefined
    const start = clock.mono()
    const rows = lines.map((line) => this.#maker.row(line))
    this.#store.add(this.#node, rows, this.#reader.next)
    return clock.mono() - start
  }
}

async function openStore({ dir, file, size }: AuditIndexOptions): Promise<{ store: IndexStore; from: number }> {
  const store = new IndexStore(file)
  try {
    await store.prepare()
    const from = await store.indexedTo(basename(dir))
    if (from <= size()) return { store, from }
    await store.empty()
    return { store, from: 0 }
  } catch (error) {
    store.close()
    throw error
  }
}
