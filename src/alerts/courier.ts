import type { Clock } from '../ground/clock.ts'
import type { Storage } from '../storage/storage.ts'
import { OPERATOR, type Webhook, type WebhookId } from './contract.ts'
import type { Deliver, Outcome } from './deliver.ts'
import { openEvent } from './envelope.ts'
import {
  type DueDelivery,
  dropOldDeadLetters,
  failDelivery,
  nextDue,
  nextDueAt,
  noteHealth,
  settleDelivery,
} from './outbox-store.ts'
import { PAUSES_MS, pauseAfter } from './retry-schedule.ts'
import type { Webhooks } from './webhooks.ts'

export interface CourierOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly webhooks: Webhooks
  readonly deliver: Deliver
  /** A delivery waits no more. */
  readonly settled: (webhook: WebhookId) => void
  readonly onDeadLetter?: ((webhook: WebhookId, error: string) => void) | undefined
  /** For tests. */
  readonly pausesMs?: readonly number[] | undefined
  readonly random?: (() => number) | undefined
}

/**
 * Deliveries on the way at one time, at most one for each endpoint: in all, for relying services together, and for one of
 * them. However slow a service's endpoints are, there is room for the operators' and for other services'.
 */
const AT_ONCE = { all: 16, services: 12, service: 3 } as const
/** After the disk refused something. */
const RETRY_MS = 5_000
/** No sleep is longer: the wall clock may jump. */
const LONGEST_SLEEP_MS = 60_000
const KEEP_DEAD_MS = 30 * 24 * 3_600_000
const SWEEP_MS = 3_600_000

/** One endpoint's deliveries. `dueAt`: when to look for one; Infinity when none is known to wait. */
interface Lane {
  readonly id: WebhookId
  dueAt: number
  busy: boolean
}

/**
 * Brings what waits on the disk to the endpoints, from start() to stop(), once. Each endpoint gets one delivery at a time,
 * the one that is due longest first, so in the order in which events came; what failed waits for its next attempt and
 * holds up nothing. A row leaves the outbox after the receiver's 2xx, so a crash repeats a delivery and loses none.
 */
export class Courier {
  readonly #options: CourierOptions
  readonly #lanes = new Map<WebhookId, Lane>()
  readonly #abort = new AbortController()
  readonly #running = new Map<Lane, string>()
  #timer: NodeJS.Timeout | undefined
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(options: CourierOptions) {
    this.#options = options
  }

  /** Something may be due for these endpoints: look now. */
  look(ids: Iterable<WebhookId>): void {
    for (const id of ids) {
      const lane = this.#lanes.get(id)
      if (lane === undefined) this.#lanes.set(id, { id, dueAt: 0, busy: false })
      else lane.dueAt = 0
    }
    this.#go()
  }

  /** Calls off what is on the way; it is tried again by the next courier. */
  stop(): void {
    this.#abort.abort()
    clearTimeout(this.#timer)
  }

  #go(): void {
    clearTimeout(this.#timer)
    if (this.#abort.signal.aborted) return
    const now = this.#options.clock.now()
    this.#sweep(now)
    let next = LONGEST_SLEEP_MS
    for (const lane of [...this.#lanes.values()]) {
      if (lane.busy) continue
      if (lane.dueAt > now) next = Math.min(next, lane.dueAt - now)
      else if (this.#hasRoom(lane)) void this.#run(lane)
    }
    this.#timer = setTimeout(() => this.#go(), next).unref()
  }

  #ownerOf({ id }: Lane): string {
    return this.#options.webhooks.get(id)?.owner ?? OPERATOR
  }

  #hasRoom(lane: Lane): boolean {
    const owner = this.#ownerOf(lane)
    const running = [...this.#running.values()]
    if (running.length >= AT_ONCE.all || owner === OPERATOR) return running.length < AT_ONCE.all
    const services = running.filter((one) => one !== OPERATOR)
    return services.length < AT_ONCE.services && services.filter((one) => one === owner).length < AT_ONCE.service
  }

  async #run(lane: Lane): Promise<void> {
    lane.busy = true
    lane.dueAt = Number.POSITIVE_INFINITY // look() may set it to 0 meanwhile
    this.#running.set(lane, this.#ownerOf(lane))
    // To the end of the line, so that no endpoint is always served first.
    this.#lanes.delete(lane.id)
    this.#lanes.set(lane.id, lane)
    try {
      lane.dueAt = Math.min(lane.dueAt, await this.#one(lane.id))
    } catch {
      lane.dueAt = this.#options.clock.now() + RETRY_MS
    }
    lane.busy = false
    this.#running.delete(lane)
    this.#go()
  }

  /** Brings one delivery; gives when to look again. */
  async #one(id: WebhookId): Promise<number> {
    const { storage, clock, webhooks } = this.#options
    const webhook = webhooks.get(id)
    if (webhook?.status !== 'active') return Number.POSITIVE_INFINITY
    const due = await storage.read((db) => nextDue(db, id, clock.now()))
    if (due === undefined) return storage.read((db) => nextDueAt(db, id))
    const outcome = await this.#attempt(webhook, due)
    // Sealed or closing: whatever came of it, the next courier tries again.
    if (!this.#abort.signal.aborted) await this.#settle(id, due, outcome)
    return 0
  }

  async #attempt(webhook: Webhook, { eventId, sealed }: DueDelivery): Promise<Outcome> {
    const key = this.#options.webhooks.eventKey
    const event = key && openEvent(key, eventId, sealed)
    if (event === undefined) return { ok: false, error: 'event_unreadable' }
    // The row that says who gets it can be edited; what was sealed cannot.
    if (!event.owners.includes(webhook.owner)) return { ok: false, error: 'event_not_theirs' }
    return this.#options.deliver(webhook, { id: eventId, body: event.body }, this.#abort.signal)
  }

  async #settle(id: WebhookId, due: DueDelivery, outcome: Outcome): Promise<void> {
    const { storage, clock, webhooks, settled, onDeadLetter, pausesMs, random = Math.random } = this.#options
    if (webhooks.get(id) === undefined) return // removed meanwhile, and its deliveries with it
    const now = clock.now()
    const error = outcome.ok ? undefined : outcome.error
    const hopeless = error === 'event_unreadable' || error === 'event_not_theirs'
    const pause = hopeless ? undefined : pauseAfter(due.attempts + 1, random, pausesMs ?? PAUSES_MS)
    await storage.write(async (tx) => {
      if (error === undefined) await settleDelivery(tx, due)
      else await failDelivery(tx, due, error, pause === undefined ? undefined : now + pause, now)
      await noteHealth(tx, id, error, now)
    })
    if (error === undefined || pause === undefined) settled(id)
    if (error !== undefined && pause === undefined) onDeadLetter?.(id, error)
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_MS) return
    this.#sweptAt = now
    this.#options.storage.write((tx) => dropOldDeadLetters(tx, now - KEEP_DEAD_MS)).catch(() => {}) // in an hour again
  }
}
