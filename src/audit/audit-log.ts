/**
 * The log of one node while it is open. Owns the intents without outcome, the denial counts, and the keys while the vault
 * is open. Its invariant: every acknowledged intent is on the disk, under a mac, and gets exactly one outcome. It refuses
 * what the log must not hold: unknown types, a second outcome, an intent while the vault is sealed.
 */

import type { Clock } from '../ground/clock.ts'
import type { MinuteSums } from '../ground/minute-sums.ts'
import {
  type Audit,
  type AuditKeys,
  auditProblem,
  type DenyRecord,
  type EventObject,
  type Head,
  type IntentRecord,
  type LogVerdict,
  type OtherRecord,
  type OutcomeRecord,
  type RedactableTarget,
} from './contract.ts'
import { denialSums } from './denial-sums.ts'
import { IntentEntry, type IntentOwner, OutcomeEntry, otherEntry } from './entries.ts'
import type { GrowingTree } from './growing-tree.ts'
import type { LogKeys } from './log-keys.ts'
import { OpenIntents } from './open-intents.ts'
import { intentPieces, type OutcomeMembers, outcomePieces, recordPieces } from './record-line.ts'
import { isRecordType, mayLackMac, mayUseReserve } from './record-types.ts'
import { redactedForm, redactTarget } from './redact.ts'
import type { Signer } from './signer.ts'
import { SigningPace } from './signing-pace.ts'
import type { TileWriter } from './tiles.ts'
import type { Waiting } from './waiting.ts'
import type { LogWriter } from './writer.ts'

export interface AuditLogParts {
  readonly boot: string
  readonly clock: Clock
  readonly writer: LogWriter
  readonly tree: GrowingTree
  readonly tiles: TileWriter
  readonly signer: Signer
  readonly keys: LogKeys
  /** Epoch of the authority now, and the database it is kept in. */
  readonly epoch: () => number
  readonly database: string | undefined
  /** Records since the last anchor of earlier boots. */
  readonly unanchored: number
  readonly onTrouble: (what: string, error: unknown) => void
  readonly held: HeldLog | undefined
}

/** A log that is behind what others saw of it, and what an operator's acceptance would do. */
export interface HeldLog {
  readonly detail: string
  /** Members that the acceptance's record gets: what is lost. */
  readonly ev: EventObject
  /** Makes the files ready and writes the first records of this boot. */
  readonly begin: () => Promise<void>
}

type Waiter = { resolve(seq: number): void; reject(problem: Error): void }
const nobody: Waiter = { resolve: () => {}, reject: () => {} }

export class AuditLog implements Audit, IntentOwner {
  readonly #parts: AuditLogParts
  readonly #open = new OpenIntents()
  readonly #denials: MinuteSums<DenyRecord>
  readonly #pace: SigningPace
  /** Until it is accepted, nothing at all is written. */
  #held: HeldLog | undefined
  /** Whether a seal was recorded since the keys came. */
  #sealRecorded = false

  constructor(parts: AuditLogParts) {
    this.#parts = parts
    this.#held = parts.held
    this.#denials = denialSums(parts.clock, (...sum) => this.#writeSum(...sum))
    this.#pace = new SigningPace(parts.clock, parts.unanchored, {
      sign: () => this.#whenReady(() => this.#sign(false)),
      publish: () => this.#whenReady(() => this.checkpoint()),
      anchor: () => this.#submitAnchor(),
    })
  }

  /** The writer's call after each group. */
  durable(entries: readonly Waiting[], leaves: readonly string[]): void {
    for (const leaf of leaves) this.#parts.tree.add(leaf)
    for (const entry of entries) if (entry.type === 'outcome' && entry.rid) this.#open.remove(entry.rid)
    this.#pace.durable(entries)
  }

  intent(record: IntentRecord): Promise<number> {
    if (!this.#parts.keys.ready) return Promise.reject(sealed())
    if (this.#open.get(record.rid) !== undefined)
      return Promise.reject(new TypeError(`intent ${record.rid} is open already`))
    const pieces = intentPieces(this.#parts.boot, record)
    return new Promise((resolve, reject) => {
      const entry = new IntentEntry(record.rid, pieces, this.#parts.clock.mono(), this, resolve, reject)
      this.#open.add(entry)
      this.#parts.writer.submit(entry)
    })
  }

  outcome({ rid, outcome }: OutcomeRecord): void {
    this.#submitOutcome(rid, outcome)
  }

  outcomeDurable({ rid, outcome }: OutcomeRecord): Promise<number> {
    return new Promise((resolve, reject) => this.#submitOutcome(rid, outcome, { resolve, reject }))
  }

  append(record: OtherRecord): Promise<number> {
    const { type } = record
    if (!isRecordType(type) || type === 'intent' || type === 'outcome') {
      return Promise.reject(new TypeError(`append: '${type}' is not a type for it`))
    }
    if (this.#held !== undefined) return this.#acceptHeld(this.#held, record)
    if (!this.#parts.keys.ready && !mayLackMac(type)) return Promise.reject(sealed())
    if (type === 'seal') this.#sealRecorded = true
    return new Promise((resolve, reject) => {
      const written = (seq: number) => {
        if (type === 'restore.accepted' && this.#parts.keys.accept()) this.#inBackground(() => this.checkpoint())
        resolve(seq)
      }
      this.#parts.writer.submit(this.#entry(record, { resolve: written, reject }))
    })
  }

  deny(record: DenyRecord): void {
    if (this.#parts.writer.crowded || this.#held) this.#denials.add(record, 1)
    else if (this.#denials.admits(record)) this.#submitDenial(record)
  }

  redact(value: string): string {
    return redactedForm(value, this.#parts.keys.current?.auditRedact)
  }

  redactTarget(target: RedactableTarget, plainQuery: ReadonlySet<string> | undefined) {
    return redactTarget(target, plainQuery, (value) => this.redact(value))
  }

  size(): number {
    return this.#parts.writer.size
  }

  head(): Head {
    return { size: this.#parts.tree.size, root: this.#parts.tree.root() }
  }

  async keysArrived(keys: AuditKeys): Promise<LogVerdict> {
    const verdict = await this.#parts.keys.arrive(keys, this.#parts.writer.size)
    this.#sealRecorded = false
    // A full disk is no reason to stay sealed: revoking must work, and the macs cover what is not signed yet.
    if (verdict.ok) await this.checkpoint().catch((error) => this.#trouble('checkpoint', error))
    return verdict
  }

  keysGone(reason = 'operator'): void {
    const { keys, writer } = this.#parts
    if (keys.current === undefined) return
    if (keys.ready) this.#inBackground(() => this.#sign(true))
    keys.drop()
    writer.refuseWaiting(({ type }) => !mayLackMac(type), sealed())
    if (this.#held) return
    // The first group without mac must hold or follow a seal record: it says why there is none.
    const recorded = writer.toFront(({ type }) => type === 'seal') || this.#sealRecorded
    if (!recorded) writer.submitFirst(this.#entry({ type: 'seal', ev: { reason } }, nobody))
  }

  async checkpoint(): Promise<string> {
    if (!this.#parts.keys.ready) throw sealed()
    await new Promise((resolve, reject) => this.#submitAnchor({ resolve, reject }))
    return await this.#sign(true)
  }

  makeRoom(): Promise<void> {
    return this.#parts.writer.makeRoom()
  }

  async close(): Promise<void> {
    const { writer, keys, signer, tiles } = this.#parts
    this.#pace.stop()
    // A sum that is refused is counted again: once more, then the process must be allowed to end.
    for (let tries = 0; !this.#held && tries < 2 && (tries === 0 || this.#denials.pending); tries += 1) {
      this.#denials.flush()
      await writer.idle()
    }
    if (keys.ready && !writer.crowded) await this.checkpoint().catch((error) => this.#trouble('checkpoint', error))
    await writer.close()
    await signer.settled()
    await tiles.settled()
  }

  forget(rid: string): void {
    this.#open.remove(rid)
  }

  closeUnsent(rid: string): void {
    this.#submitOutcome(rid, { error: 'not_sent' })
  }

  async #acceptHeld(held: HeldLog, record: OtherRecord): Promise<number> {
    if (record.type !== 'restore.accepted') throw auditProblem('audit_unavailable', { detail: held.detail })
    await held.begin()
    this.#held = undefined
    return await this.append({ ...record, ev: { ...record.ev, ...held.ev } })
  }

  #submitOutcome(rid: string, outcome: OutcomeMembers, waiter?: Waiter): void {
    const { boot, clock, writer } = this.#parts
    const intent = this.#open.get(rid)
    if (intent === undefined || intent.closed) {
      const error = new TypeError(`outcome for ${rid}, which has no open intent`)
      waiter?.reject(error)
      this.#trouble('outcome', error)
      return
    }
    intent.closed = true
    writer.submit(new OutcomeEntry(rid, outcomePieces(boot, rid, outcome), clock.mono(), waiter))
  }

  #submitDenial(record: DenyRecord): void {
    const { rid, actor, req, reason, policy, ev } = record
    const decision = { effect: 'deny', policy, reasons: [reason] }
    const shown = req && { req: { ...req, origin: req.origin || undefined, query: req.query || undefined } }
    const full = { type: 'deny', rid, decision, ...(actor && { actor }), ...shown, ...(ev && { ev }) } as OtherRecord
    this.#parts.writer.submit(
      this.#entry(full, { resolve: () => {}, reject: () => this.#denials.add(record, 1) }, false),
    )
  }

  /** A sum that the log refuses is counted on, so that none is lost. */
  #writeSum(record: OtherRecord, first: DenyRecord, count: number): void {
    const waiter = { resolve: () => {}, reject: () => this.#denials.add(first, count) }
    if (this.#held) waiter.reject()
    else this.#parts.writer.submit(this.#entry(record, waiter, false))
  }

  #entry(record: OtherRecord, { resolve, reject }: Waiter, urgent = true): Waiting {
    const { boot, clock } = this.#parts
    return otherEntry({
      type: record.type,
      pieces: recordPieces(boot, record),
      since: clock.mono(),
      urgent,
      useReserve: record.useReserve === true || mayUseReserve(record.type),
      written: resolve,
      refuse: reject,
    })
  }

  /** Without a waiter it rides along. What it says of open intents is true when it is written. */
  #submitAnchor(waiter?: Waiter): void {
    const { boot, clock, writer, epoch, database } = this.#parts
    const pieces = () => {
      const policy = epoch()
      const ev = { db: database, epoch: policy, open: this.#open.lowest(), peers: {}, policy }
      return recordPieces(boot, { type: 'anchor', ev })
    }
    const { resolve: written, reject: refuse } = waiter ?? nobody
    const urgent = waiter !== undefined
    writer.submit(
      otherEntry({ type: 'anchor', pieces, since: clock.mono(), urgent, useReserve: false, written, refuse }),
    )
  }

  async #sign(publish: boolean): Promise<string> {
    const { tree, tiles, signer } = this.#parts
    const partial = publish ? tree.partialTiles() : []
    this.#pace.signed()
    const note = await signer.sign(this.head(), publish)
    for (const [level, index, bytes] of partial) tiles.putPartial(level, index, bytes)
    return note
  }

  #whenReady(work: () => Promise<unknown>): void {
    if (this.#parts.keys.ready) this.#inBackground(work)
  }

  #inBackground(work: () => Promise<unknown>): void {
    work().catch((error) => this.#trouble('checkpoint', error))
  }

  #trouble(what: string, error: unknown): void {
    this.#parts.onTrouble(what, error)
  }
}

function sealed(): Error {
  return auditProblem('audit_unavailable', { detail: 'the vault is sealed', hint: 'An operator must unseal it.' })
}
