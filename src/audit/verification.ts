/**
 * A check of the whole log while the gateway goes on, with the keys of the open vault: the macs too, which a copy of the
 * files cannot show. Owns one thread, so that the calls do not wait for it, and what the last check said. It stops when
 * the keys go, changes nothing, and decides nothing: what follows from its report is for whoever asked.
 */
import { Worker } from 'node:worker_threads'
import type { Clock } from '../ground/clock.ts'
import { formatVkey, verifierOf } from './checkpoint.ts'
import { type AuditKeys, auditProblem } from './contract.ts'
import type { NamedNote, VerifyOptions } from './verify.ts'
import type { VerifyReport } from './verify-report.ts'

/** A log that was made to be hard to read ends the thread, not the process. */
const MOST_MEGABYTES = 256

export interface VerificationView {
  readonly state: 'running' | 'done' | 'failed'
  readonly startedAt: number
  readonly endedAt?: number
  /** Of a check that is done. */
  readonly report?: VerifyReport
  /** Of a check that failed. */
  readonly why?: string
}

export interface WantedVerification {
  readonly notes?: readonly NamedNote[] | undefined
  readonly vkey?: string | undefined
  readonly full?: boolean | undefined
}

export interface VerificationOptions {
  readonly dir: string
  readonly origin: string
  readonly installId: Uint8Array
  readonly clock: Clock
}

export class Verification {
  readonly #options: VerificationOptions
  #keys: AuditKeys | undefined
  #worker: Worker | undefined
  #view: VerificationView | undefined

  constructor(options: VerificationOptions) {
    this.#options = options
  }

  /** The newest check; undefined if there was none since the start. */
  get view(): VerificationView | undefined {
    return this.#view
  }

  useKeys(keys: AuditKeys): void {
    this.#keys = keys
  }

  /** Stops a running check: it holds a key. */
  dropKeys(): void {
    this.#keys = undefined
    this.#end({ state: 'failed', why: 'the vault was sealed' })
  }

  /** Begins a check. Throws Problem `audit_verification_running`, or `audit_unavailable` while there are no keys. */
  start(wanted: WantedVerification): VerificationView {
    if (this.#worker !== undefined) throw auditProblem('audit_verification_running')
    if (this.#keys === undefined) throw auditProblem('audit_unavailable', { detail: 'the vault is sealed' })
    const worker = threadOf(this.#options, this.#keys, wanted)
    const end = (how: Ending) => {
      if (this.#worker === worker) this.#end(how)
    }
    worker.once('message', (report: VerifyReport) => end({ state: 'done', report: sourceOf(report, wanted) }))
    worker.once('error', (error: NodeJS.ErrnoException) => end({ state: 'failed', why: error.code ?? error.message }))
    worker.once('exit', () => end({ state: 'failed', why: 'the check ended without an answer' }))
    this.#worker = worker
    this.#view = { state: 'running', startedAt: this.#options.clock.now() }
    return this.#view
  }

  #end(how: Ending): void {
    const worker = this.#worker
    if (worker === undefined || this.#view === undefined) return
    this.#worker = undefined
    this.#view = { ...how, startedAt: this.#view.startedAt, endedAt: this.#options.clock.now() }
    void worker.terminate()
  }
}

type Ending = Omit<VerificationView, 'startedAt' | 'endedAt'>

function threadOf(
  options: VerificationOptions,
  keys: AuditKeys,
  { notes = [], vkey, full }: WantedVerification,
): Worker {
  const { dir, origin, installId } = options
  const own = formatVkey(verifierOf(origin, keys.logKey.publicKey))
  const { version, key } = keys.auditTail
  const tailKey = { version, key }
  const wanted: VerifyOptions = { dir, notes, vkey: vkey ?? own, installId, tailKey, full: full === true }
  const worker = new Worker(new URL('./verify-in-thread.ts', import.meta.url), {
    workerData: wanted,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
  })
  worker.unref()
  return worker
}

/** The thread was given a key in any case. */
function sourceOf(report: VerifyReport, { vkey }: WantedVerification): VerifyReport {
  return vkey === undefined && report.keySource === 'given' ? { ...report, keySource: 'vault' } : report
}
