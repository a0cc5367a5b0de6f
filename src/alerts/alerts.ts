import type { Clock } from '../ground/clock.ts'
import { newId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import type { Outbound } from '../http/outbound.ts'
import type { Actor, Storage } from '../storage/storage.ts'
import {
  type AlertEvent,
  type AlertsStanding,
  alertProblem,
  type DeadLetter,
  OPERATOR,
  type SealedBox,
  type TestResult,
  type Webhook,
  type WebhookId,
  type WebhookInput,
  type WebhookView,
} from './contract.ts'
import { Courier } from './courier.ts'
import { createDeliver, type Deliver, postUnsigned } from './deliver.ts'
import { envelope } from './envelope.ts'
import { TEST_EVENT } from './event-catalogue.ts'
import { Outbox, type OutboxLimits } from './outbox.ts'
import {
  countDeliveries,
  deadLetters,
  dropStrayDeliveries,
  dropSubject,
  healthOf,
  reviveDeadLetters,
} from './outbox-store.ts'
import { viewOf } from './view.ts'
import { Webhooks } from './webhooks.ts'

export interface AlertsOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly box: SealedBox
  readonly outbound: Outbound
  /** A delivery was given up. Must not throw. */
  readonly onDeadLetter?: (webhook: WebhookId, error: string) => void
  /** For tests: other pauses, another chance, other limits. */
  readonly pausesMs?: readonly number[]
  readonly random?: () => number
  readonly limits?: OutboxLimits
}

/** For whoever waits for the answer. */
const POST_ONCE_MS = 5_000

/** Dead letters shown at once. */
const SHOWN = 1_000

/**
 * Who should hear of it: signed webhooks.
 *
 * Owns: the endpoints, the key under which events wait, the outbox, how deliveries went.
 * Invariant: what emit() took and the disk holds is delivered at least once, under one id, or becomes a dead letter that
 * is seen; what could not be kept is counted and the count recorded. Nothing is delivered while the vault is sealed.
 * Refuses: to make anybody wait, to follow a redirect, to dial an inside address that no operator named, to tell a relying
 * service what is not its business.
 */
export class Alerts {
  readonly #options: AlertsOptions
  readonly #webhooks: Webhooks
  readonly #outbox: Outbox
  readonly #deliver: Deliver
  readonly #testing = new Set<WebhookId>()
  #courier: Courier | undefined

  constructor(options: AlertsOptions) {
    const { storage, clock, box, outbound, limits } = options
    this.#options = options
    this.#webhooks = new Webhooks({ storage, clock, box, changed: (id) => this.#courier?.look([id]) })
    this.#outbox = new Outbox({
      storage,
      webhooks: this.#webhooks,
      ...(limits && { limits }),
      stored: (ids) => this.#courier?.look(ids),
    })
    this.#deliver = createDeliver({ outbound, clock, box })
  }

  /** After unsealing. `bad`: ids of rows that are not believed, and so get nothing. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { storage } = this.#options
    const { bad } = await this.#webhooks.load()
    await dropStrayDeliveries(storage)
    this.#outbox.open(await this.#waiting())
    return { bad }
  }

  /** Begins to deliver; after load(). */
  start(): void {
    this.#courier?.stop()
    const { storage, clock, onDeadLetter, pausesMs, random } = this.#options
    this.#courier = new Courier({
      storage,
      clock,
      webhooks: this.#webhooks,
      deliver: this.#deliver,
      settled: (id) => this.#outbox.settled(id),
      onDeadLetter,
      pausesMs,
      random,
    })
    this.#courier.look([...this.#webhooks.all()].map(({ id }) => id))
  }

  /** At sealing: deliveries are called off, and what is told from here on waits in memory. */
  clear(): void {
    this.#courier?.stop()
    this.#courier = undefined
    this.#outbox.shut()
    this.#webhooks.clear()
  }

  /** Stops delivering and writes what is queued. */
  async close(): Promise<void> {
    this.#courier?.stop()
    this.#courier = undefined
    await this.#outbox.close()
  }

  /** Tells everybody who asked for it. Returns at once and never throws; costs little where nobody did. */
  emit(event: AlertEvent): void {
    this.#outbox.emit(event, this.#options.clock.now())
  }

  /** In the order in which they were made, of one owner or of all. */
  async list(owner?: string): Promise<WebhookView[]> {
    const all = [...this.#webhooks.all()].filter((webhook) => owner === undefined || webhook.owner === owner)
    return this.#views(all)
  }

  /** How all of them do together, for whoever looks after the house. */
  async standing(): Promise<AlertsStanding> {
    const all = await this.list()
    const sum = (count: (view: WebhookView) => number) => all.reduce((before, view) => before + count(view), 0)
    const since = all.flatMap(({ failingSince }) => failingSince ?? [])
    return {
      count: all.length,
      pending: sum(({ pending }) => pending),
      deadLetters: sum(({ deadLetters }) => deadLetters),
      failing: since.length,
      ...(since.length > 0 && { failingSince: Math.min(...since) }),
    }
  }

  /** Throws Problem `webhook_unknown`, also for another owner's. */
  async find(id: string, owner?: string): Promise<WebhookView> {
    const [view] = await this.#views([this.#webhooks.known(id, owner)])
    return view as WebhookView
  }

  /**
   * An endpoint, and its secret, which is shown to its owner now and never again. Owner is OPERATOR or the id of a relying
   * service. Throws Problem `webhook_url_refused`, `origin_invalid`, `webhook_event_unknown`, `webhook_limit`.
   */
  async add(input: WebhookInput, owner: string, by: Actor): Promise<{ view: WebhookView; secret: Secret }> {
    return this.#withSecret(await this.#webhooks.add(input, owner, by))
  }

  /** A new secret; for `overlapMs` (a day if left out) the old one signs too. Throws Problem `webhook_unknown`. */
  async rotate(id: string, overlapMs: number | undefined, by: Actor, owner?: string) {
    return this.#withSecret(await this.#webhooks.rotate(id, overlapMs, by, owner))
  }

  /** A disabled endpoint is told nothing new, and what waits for it waits on. Throws Problem `webhook_unknown`. */
  async setStatus(id: string, status: Webhook['status'], by: Actor): Promise<WebhookView> {
    return this.find((await this.#webhooks.setStatus(id, status, by)).id)
  }

  /** With what waits for it, and its dead letters. Throws Problem `webhook_unknown`. */
  async remove(id: string, by: Actor, owner?: string): Promise<void> {
    await this.#webhooks.remove(id, by, owner)
  }

  /** All endpoints of an owner that is no more. */
  async removeOf(owner: string, by: Actor): Promise<void> {
    const theirs = [...this.#webhooks.all()].filter((webhook) => webhook.owner === owner)
    for (const { id } of theirs) await this.#webhooks.remove(id, by)
  }

  /** Sends a `webhook.test` now, once, and says how it went. Throws Problem `webhook_unknown`, `webhook_busy`. */
  async test(id: string, owner?: string): Promise<TestResult> {
    const webhook = this.#webhooks.known(id, owner)
    if (this.#testing.has(webhook.id)) throw alertProblem('webhook_busy')
    this.#testing.add(webhook.id)
    try {
      const event = newId('evt')
      const body = envelope(event, TEST_EVENT, this.#options.clock.now(), { webhookId: webhook.id })
      const { ok, ...rest } = await this.#deliver(webhook, { id: event, body })
      return { id: event, delivered: ok, ...rest }
    } finally {
      this.#testing.delete(webhook.id)
    }
  }

  /**
   * Posts to an address once, and says whether it took it. Where that is an endpoint of the operators', it is signed and
   * goes where that may go; any other place is only reached if it is public.
   */
  async postOnce(url: string, body: object): Promise<boolean> {
    const known = [...this.#webhooks.all()].find((one) => one.owner === OPERATOR && one.url === url)
    const sent = { id: newId('evt'), body: JSON.stringify(body) }
    const signal = AbortSignal.timeout(POST_ONCE_MS)
    if (known === undefined) return postUnsigned(this.#options.outbound, url, sent.body, signal)
    return (await this.#deliver(known, sent, signal)).ok
  }

  /** What was given up, the oldest first. Throws Problem `webhook_unknown`. */
  async deadLetters(webhook?: string): Promise<DeadLetter[]> {
    if (webhook !== undefined) this.#webhooks.known(webhook)
    return this.#options.storage.read((db) => deadLetters(db, webhook, SHOWN))
  }

  /**
   * Takes a dead letter up again, by its id, or all of an endpoint, by the endpoint's. Gives how many there were. Throws
   * Problem `webhook_unknown`, `dead_letter_unknown`.
   */
  async replay(id: string, by: Actor): Promise<number> {
    const { storage, clock } = this.#options
    const whole = id.startsWith('whk_')
    if (whole) this.#webhooks.known(id)
    const revived = await storage.write(async (tx) => {
      const ids = await reviveDeadLetters(tx, whole ? { webhook: id } : { id }, clock.now())
      if (!whole && ids.length === 0) throw alertProblem('dead_letter_unknown')
      const ev = { what: 'webhook.replayed', id, count: ids.length }
      await tx.change({ kind: 'alerts', ref: id, record: { type: 'config', actor: by, ev } })
      return ids
    })
    await this.#recount()
    this.#courier?.look(revived)
    return revived.length
  }

  /** Forgets what waits about an agent, delivered or not: for `claviger agent erase`. Gives how many events. */
  async erase(subject: string): Promise<number> {
    const dropped = await this.#options.storage.write((tx) => dropSubject(tx, subject))
    await this.#recount()
    return dropped
  }

  async #recount(): Promise<void> {
    this.#outbox.recount(await this.#waiting())
  }

  #waiting(): Promise<Map<string, number>> {
    return this.#options.storage.read((db) => countDeliveries(db, 'pending'))
  }

  async #withSecret({ webhook, secret }: { webhook: Webhook; secret: Secret }) {
    return { view: await this.find(webhook.id), secret }
  }

  async #views(webhooks: readonly Webhook[]): Promise<WebhookView[]> {
    const { storage, clock } = this.#options
    const [pending, dead, health] = await storage.read((db) =>
      Promise.all([countDeliveries(db, 'pending'), countDeliveries(db, 'dead'), healthOf(db)]),
    )
    const now = clock.now()
    return webhooks.map((webhook) => {
      const { id } = webhook
      const waiting = (pending.get(id) ?? 0) + this.#outbox.queued(id)
      return viewOf(webhook, { pending: waiting, dead: dead.get(id) ?? 0, health: health.get(id), now })
    })
  }
}

export function createAlerts(options: AlertsOptions): Alerts {
  return new Alerts(options)
}
