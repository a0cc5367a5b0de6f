import { AsyncLocalStorage } from 'node:async_hooks'
import type { KeyObject } from 'node:crypto'
import { newId } from '../ground/ids.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import { type AlertEvent, OPERATOR, type Severity, type Webhook, type WebhookId } from './contract.ts'
import { envelope, eventId, sealEvent } from './envelope.ts'
import { severityOf } from './event-catalogue.ts'
import { wants } from './matches.ts'
import { addEvent, type NewEvent } from './outbox-store.ts'
import type { Webhooks } from './webhooks.ts'

export interface OutboxLimits {
  /** Events that may wait in memory for the disk. */
  readonly queued: number
  /** Deliveries that may wait on the disk for one endpoint of an operator, and for one of a relying service. */
  readonly pending: number
  readonly pendingOfService: number
}

export const OUTBOX_LIMITS: OutboxLimits = { queued: 16_384, pending: 100_000, pendingOfService: 10_000 }

/** Events in one transaction: calls may wait for the same disk. */
const BATCH = 64
const RETRY_MS = 1_000

interface Told extends AlertEvent {
  readonly at: number
  readonly heardAt: number
  readonly severity: Severity
  readonly concerns: (service: string) => boolean
}

/** In the order in which they were told. */
interface Queued extends NewEvent {
  readonly turn: number
}

const nobody = () => false

export interface OutboxOptions {
  readonly storage: Storage
  readonly webhooks: Webhooks
  readonly limits?: OutboxLimits
  /** On the disk: these endpoints have something to deliver. */
  readonly stored: (webhooks: ReadonlySet<WebhookId>) => void
}

/**
 * From emit() to the disk. emit() returns at once: it seals the event and puts it into a bounded queue, which is written in
 * batches. What finds the queue full, or an endpoint with too much waiting, is counted and the count recorded.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #limits: OutboxLimits
  readonly #pending = new Map<WebhookId, number>()
  /** Told while the endpoints were not known: before unsealing, and while sealed. */
  #early: Told[] = []
  #queue: Queued[] = []
  #turn = 0
  /** Taken from the queue, and not known to be on the disk. */
  readonly #writing = new Set<readonly NewEvent[]>()
  #lost = new Map<string, number>()
  #open = false
  #asked = false
  #retry: NodeJS.Timeout | undefined
  readonly #writes = new Set<Promise<void>>()
  /** emit() may be called from within the work of a write, which could not ask for another. */
  readonly #outside = AsyncLocalStorage.snapshot()

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#limits = options.limits ?? OUTBOX_LIMITS
  }

  /** The endpoints are known: what was told meanwhile goes its way. `pending` says what waits on the disk. */
  open(pending: ReadonlyMap<string, number>): void {
    this.recount(pending)
    this.#open = true
    for (const told of this.#early.splice(0)) this.#route(told)
    if (this.#lost.size > 0) this.#flush()
  }

  /** What waits on the disk for each endpoint. */
  recount(pending: ReadonlyMap<string, number>): void {
    this.#pending.clear()
    for (const [id, count] of pending) this.#pending.set(id as WebhookId, count)
  }

  /** From now on nothing can be sealed: it waits in memory. What is sealed already still goes to the disk. */
  shut(): void {
    this.#open = false
  }

  emit(event: AlertEvent, now: number): void {
    const severity = event.severity ?? severityOf(event.type, event.data)
    const told: Told = { ...event, severity, at: event.at ?? now, heardAt: now, concerns: event.concerns ?? nobody }
    if (this.#open) this.#route(told)
    else if (this.#early.length < this.#limits.queued) this.#early.push(told)
    else this.#lose(told.type)
  }

  /** Deliveries of this endpoint that are not on the disk yet. */
  queued(webhook: WebhookId): number {
    const isIts = ({ deliveries }: NewEvent) => deliveries.some((delivery) => delivery.webhook === webhook)
    return [this.#queue, ...this.#writing].reduce((sum, events) => sum + events.filter(isIts).length, 0)
  }

  /** A delivery of this endpoint waits no more. */
  settled(webhook: WebhookId): void {
    this.#waits(webhook, -1)
  }

  /** Writes what is queued; resolves when that is done, or when the disk refused it. */
  async close(): Promise<void> {
    this.#stopWaiting()
    this.#flush()
    while (this.#writes.size > 0) await Promise.all(this.#writes)
    this.#stopWaiting()
  }

  #route(told: Told): void {
    const key = this.#options.webhooks.eventKey
    const meant: Webhook[] = []
    for (const webhook of this.#options.webhooks.all()) {
      if (webhook.status !== 'active' || !wants(webhook, told)) continue
      if ((this.#pending.get(webhook.id) ?? 0) >= this.#mostPending(webhook)) this.#lose(told.type)
      else meant.push(webhook)
    }
    if (meant.length === 0 || key === undefined) return
    if (this.#queue.length >= this.#limits.queued) this.#lose(told.type)
    else this.#put(told, key, meant)
  }

  #put(told: Told, key: KeyObject, meant: readonly Webhook[]): void {
    const id = eventId(this.#options.storage.instanceId, told.cause)
    const body = envelope(id, told.type, told.at, told.data)
    for (const { id: webhook } of meant) this.#waits(webhook, 1)
    this.#turn += 1
    this.#queue.push({
      turn: this.#turn,
      id,
      type: told.type,
      subject: told.subject,
      sealed: sealEvent(key, id, { body, owners: [...new Set(meant.map(({ owner }) => owner))] }),
      createdAt: told.heardAt,
      deliveries: meant.map((webhook) => ({ id: newId('dlv'), webhook: webhook.id })),
    })
    this.#flush()
  }

  #mostPending({ owner }: Webhook): number {
    return owner === OPERATOR ? this.#limits.pending : this.#limits.pendingOfService
  }

  #waits(webhook: WebhookId, more: number): void {
    this.#pending.set(webhook, Math.max(0, (this.#pending.get(webhook) ?? 0) + more))
  }

  #lose(type: string): void {
    this.#lost.set(type, (this.#lost.get(type) ?? 0) + 1)
    this.#flush()
  }

  /** One write is asked for at a time: what comes until it begins goes with it. */
  #flush(): void {
    if (this.#asked || this.#retry !== undefined) return
    if (this.#queue.length === 0 && !(this.#open && this.#lost.size > 0)) return
    this.#asked = true
    const write = this.#outside(() => this.#write()).finally(() => this.#writes.delete(write))
    this.#writes.add(write)
  }

  async #write(): Promise<void> {
    let batch: Queued[] = []
    let lost = new Map<string, number>()
    try {
      await this.#options.storage.write(async (tx) => {
        this.#asked = false
        batch = this.#queue.splice(0, BATCH)
        this.#writing.add(batch)
        if (this.#open) [lost, this.#lost] = [this.#lost, new Map()]
        for (const event of batch) await addEvent(tx, event)
        await recordLost(tx, lost)
      })
      this.#options.stored(new Set(batch.flatMap((event) => event.deliveries.map(({ webhook }) => webhook))))
    } catch {
      // The disk is full, or the vault was sealed in between: nothing is lost but time.
      this.#asked = false
      this.#queue = [...batch, ...this.#queue].sort((one, other) => one.turn - other.turn)
      for (const [type, count] of lost) this.#lost.set(type, (this.#lost.get(type) ?? 0) + count)
      this.#later()
    }
    this.#writing.delete(batch)
    this.#flush()
  }

  #stopWaiting(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
  }

  #later(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined
      this.#flush()
    }, RETRY_MS).unref()
  }
}

async function recordLost(tx: Tx, lost: ReadonlyMap<string, number>): Promise<void> {
  if (lost.size === 0) return
  const ev = { what: 'alerts.lost', events: Object.fromEntries(lost) }
  await tx.change({ kind: 'alerts', ref: 'outbox', record: { type: 'config', ev } })
}
