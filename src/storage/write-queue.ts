import { AsyncLocalStorage } from 'node:async_hooks'
import { Problem } from '../ground/problem.ts'
import type { Authority } from './authority.ts'
import type { Outbox } from './outbox.ts'
import type { SqliteEngine } from './sqlite-engine.ts'
import type { Statement, StatementValues } from './statement.ts'
import type { Change, NewChange, Row, Tx, WriteOptions } from './storage.ts'

interface Job {
  readonly work: ((tx: Tx) => Promise<unknown>) | One
  readonly urgent: boolean
  readonly volatile: boolean
  readonly committed?: ((value: unknown) => void) | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** One statement, which is undone by itself where it fails. */
interface One {
  readonly statement: Statement<unknown>
  readonly values: StatementValues
}

/** A job that was done in the transaction and waits for its commit. */
interface Done {
  readonly job: Job
  readonly value: unknown
  readonly changes: readonly Change[]
}

export interface WriteQueueParts {
  readonly engine: SqliteEngine
  readonly authority: Authority
  readonly outbox: Outbox
  /** Called with each change right after its commit. */
  readonly publish: (change: Change) => void
  /** Gives up the reserve when the disk is full; true if that made room. */
  readonly freeReserve: () => Promise<boolean>
}

/** Most jobs in one transaction: beyond this a sync is a small part of the cost, and the first ones would wait for the last. */
const BATCH = 512
const NONE: readonly Change[] = []
const QUIET_TURNS = 3
const MOST_TURNS = 12

/**
 * One transaction at a time. Jobs asked for in one turn, and while another transaction runs, share the next one.
 * Order for each: commit → followers → record durable → resolve. A job is acknowledged after all of these or not at all.
 */
export class WriteQueue {
  readonly #parts: WriteQueueParts
  readonly #inside = new AsyncLocalStorage<{ running: boolean }>()
  #waiting: Job[] = []
  #running: Promise<void> | undefined
  /** Whether the last transaction did several jobs. */
  #shared = false

  constructor(parts: WriteQueueParts) {
    this.#parts = parts
  }

  add<T>(work: (tx: Tx) => Promise<T>, options: WriteOptions<T>): Promise<T> {
    return this.#enqueue(work, options)
  }

  /** One statement on plain tables, in a transaction with others. */
  run<R>(statement: Statement<R>, values: StatementValues, options: WriteOptions) {
    return this.#enqueue<R[]>({ statement, values }, options)
  }

  #enqueue<T>(work: Job['work'], { urgent = false, volatile = false, committed }: WriteOptions<T>): Promise<T> {
    if (this.#inside.getStore()?.running)
      throw new TypeError('write() inside the work of a write() would wait for itself')
    return new Promise<T>((resolve, reject) => {
      const told = { resolve: resolve as Job['resolve'], reject, committed: committed as Job['committed'] }
      this.#waiting.push({ work, urgent, volatile, ...told })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather()
      const jobs = this.#waiting.splice(0, BATCH)
      this.#shared = jobs.length > 1
      // In a transaction of their own, before the others: they need not wait for the disk, and the others' sync takes them along.
      const volatile = jobs.filter((job) => job.volatile)
      const synced = volatile.length === 0 ? jobs : jobs.filter((job) => !job.volatile)
      if (volatile.length > 0) await this.#batch(volatile)
      if (synced.length > 0) await this.#batch(synced)
    }
    this.#running = undefined
  }

  /**
   * To the end of this turn: what it asks for comes along. Where several shared the last transaction, a few turns more,
   * as long as jobs keep coming: a commit holds the event loop for as long as the disk takes, however many share it.
   */
  async #gather(): Promise<void> {
    const most = this.#shared ? MOST_TURNS : 1
    for (let turn = 0, seen = -1; turn < most && this.#waiting.length < BATCH; turn += 1) {
      if (turn >= QUIET_TURNS && this.#waiting.length === seen) return
      seen = this.#waiting.length
      await new Promise(setImmediate)
    }
  }

  async #batch(jobs: readonly Job[], mayFree = true): Promise<void> {
    try {
      const done = await this.#transaction(jobs)
      for (const each of done) this.#settle(each)
    } catch (error) {
      const full = error instanceof Problem && error.code === 'storage_full'
      const urgent = full && mayFree ? jobs.filter((job) => job.urgent) : []
      const room = urgent.length > 0 && (await this.#parts.freeReserve().catch(() => false))
      for (const job of jobs) if (!room || !job.urgent) job.reject(error)
      if (room) await this.#batch(urgent, false)
    }
  }

  /** Throws if the transaction as a whole is lost; a job that fails alone is rejected here. */
  async #transaction(jobs: readonly Job[]): Promise<readonly Done[]> {
    const { engine, authority, outbox, publish } = this.#parts
    const synced = !jobs.every((job) => job.volatile)
    engine.begin(synced)
    let done: Done[]
    const failed: { job: Job; error: unknown }[] = []
    try {
      authority.begin()
      done = []
      for (const job of jobs) {
        const { work } = job
        const outcome = typeof work === 'function' ? await this.#perform(job, work) : this.#execute(job, work)
        if ('error' in outcome) failed.push(outcome)
        else done.push(outcome)
      }
      const marks = synced ? outbox.flush(engine) : []
      authority.seal()
      engine.commit()
      outbox.flushed(marks)
    } catch (error) {
      engine.rollback()
      throw error
    }
    authority.committed()
    for (const { changes } of done) for (const change of changes) publish(change)
    for (const { job, error } of failed) job.reject(error)
    engine.checkpoint()
    return done
  }

  /** Needs no savepoint: SQLite undoes a statement that fails. Throws as #perform() does. */
  #execute(job: Job, { statement, values }: One): Done | { job: Job; error: unknown } {
    const { engine } = this.#parts
    try {
      return { job, value: engine.execute(statement, values), changes: NONE }
    } catch (error) {
      if (engine.full || engine.failed || !engine.inTransaction) throw error
      return { job, error }
    }
  }

  /** One job in its savepoint. Throws if the transaction cannot go on: the disk is full, or the database failed. */
  async #perform(job: Job, work: (tx: Tx) => Promise<unknown>): Promise<Done | { job: Job; error: unknown }> {
    const { engine, authority } = this.#parts
    const takeBack = authority.mark()
    const changes: Change[] = []
    const scope = { running: true }
    engine.savepoint()
    try {
      const value = await this.#inside.run(scope, () => work(this.#txOf(changes, scope, job.volatile)))
      if (engine.full || engine.failed) throw new TypeError('the work went on after the disk had refused it')
      engine.release()
      return { job, value, changes }
    } catch (error) {
      if (engine.full || engine.failed || !engine.inTransaction) throw error
      takeBack()
      engine.rollbackToSavepoint()
      return { job, error }
    } finally {
      scope.running = false
    }
  }

  #txOf(changes: Change[], scope: { readonly running: boolean }, volatile: boolean): Tx {
    const { engine, authority, outbox } = this.#parts
    const whileRunning = () => {
      if (!scope.running) throw new TypeError('tx was used after its work had ended')
    }
    const changing = () => {
      whileRunning()
      if (volatile) throw new TypeError('what grants authority is never volatile')
    }
    return {
      db: engine.writeDb,
      get: async <R>(table: string, id: string) => {
        whileRunning()
        return authority.get(table, id) as R | undefined
      },
      put: async (table: string, row: Row) => {
        changing()
        authority.put(table, row)
      },
      remove: async (table: string, id: string) => {
        changing()
        authority.remove(table, id)
      },
      change: async (change: NewChange) => {
        changing()
        const made = outbox.insert(engine, change, authority.change(), authority.key)
        changes.push(made)
        return made.epoch
      },
    }
  }

  /** Acknowledges one job once its records are durable; others need not wait for them. */
  #settle({ job, value, changes }: Done): void {
    const records = changes.map((change) => this.#parts.outbox.record(change))
    job.committed?.(value)
    Promise.all(records).then(() => job.resolve(value), job.reject)
  }
}
