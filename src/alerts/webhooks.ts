import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { addressSet } from '../ground/addresses.ts'
import type { Clock } from '../ground/clock.ts'
import { newId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import { Secret } from '../ground/secret.ts'
import type { Actor, Change, Storage, Tx } from '../storage/storage.ts'
import { checkUrl } from './check-url.ts'
import { alertProblem, OPERATOR, type SealedBox, type Webhook, type WebhookId, type WebhookInput } from './contract.ts'
import { readFilters } from './matches.ts'
import { dropDeliveries } from './outbox-store.ts'
import { newWebhookSecret } from './signature.ts'
import {
  countWebhooks,
  getWebhook,
  loadEventKey,
  loadWebhooks,
  putEventKey,
  putWebhook,
  removeWebhook,
} from './webhook-store.ts'

const MAX_PER_OWNER = 50
const DAY_MS = 24 * 3_600_000
const EVENT_KEY_PURPOSE = 'alert-events'

/** What a change of this room hands to followers. */
interface WebhookChange {
  readonly webhook: Webhook | undefined
  readonly eventKey?: KeyObject | undefined
}

export interface WebhooksOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly box: SealedBox
  /** An endpoint was made, changed or removed. */
  readonly changed: (id: WebhookId) => void
}

/** The endpoints: in memory those whose rows are believed, and the key under which events wait. */
export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #byId = new Map<WebhookId, Webhook>()
  #eventKey: KeyObject | undefined

  constructor(options: WebhooksOptions) {
    this.#options = options
    options.storage.follow((change) => this.#follow(change))
  }

  /** The key under which events wait; there is none before the first endpoint. */
  get eventKey(): KeyObject | undefined {
    return this.#eventKey
  }

  /** After unsealing. `bad`: ids of rows that are not believed, and so get nothing. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { storage } = this.#options
    const [{ webhooks, bad }, key] = await Promise.all([loadWebhooks(storage), loadEventKey(storage)])
    this.#byId.clear()
    for (const webhook of webhooks) this.#byId.set(webhook.id, webhook)
    this.#eventKey = key.sealed && this.#openKey(key.sealed)
    // What waits under a key that is lost cannot be read any more; what comes is kept under a new one.
    if (webhooks.length > 0 && this.#eventKey === undefined) {
      this.#eventKey = await storage.write((tx) => this.#newKey(tx))
    }
    return { bad: [...bad, ...key.bad] }
  }

  clear(): void {
    this.#byId.clear()
    this.#eventKey = undefined
  }

  get(id: string): Webhook | undefined {
    return this.#byId.get(id as WebhookId)
  }

  all(): IterableIterator<Webhook> {
    return this.#byId.values()
  }

  /** Throws Problem `webhook_unknown`, also for an endpoint of another owner. */
  known(id: string, owner?: string): Webhook {
    const webhook = this.#byId.get(id as WebhookId)
    if (webhook === undefined || (owner !== undefined && webhook.owner !== owner)) {
      throw alertProblem('webhook_unknown', { facts: { webhook: id } })
    }
    return webhook
  }

  /** Throws Problem `webhook_url_refused`, `origin_invalid`, `webhook_event_unknown`, `webhook_limit`, `vault_sealed`. */
  async add(input: WebhookInput, owner: string, by: Actor): Promise<{ webhook: Webhook; secret: Secret }> {
    const { clock, storage } = this.#options
    // Only an operator can vouch for an address inside.
    const addresses = owner === OPERATOR ? input.addresses : undefined
    const origin = checkUrl(input.url, addresses)
    const events = readFilters(input.events)
    const id = newId('whk')
    const { secret, sealedSecret } = this.#newSecret(id)
    const webhook: Webhook = {
      id,
      owner,
      events,
      sealedSecret,
      url: input.url,
      kind: input.kind ?? 'standard',
      minSeverity: input.minSeverity ?? 'info',
      allowed: addresses && addressSet(addresses),
      status: 'active',
      sealedPrevious: undefined,
      previousUntil: undefined,
      createdAt: clock.now(),
      rotatedAt: undefined,
    }
    await storage.write(async (tx) => {
      if ((await countWebhooks(tx, owner)) >= MAX_PER_OWNER) throw alertProblem('webhook_limit')
      const eventKey = this.#eventKey ?? (await this.#newKey(tx))
      // The origin alone: the path may hold a secret of the receiver's.
      const ev = { origin: origin.href, owner, events: [...events], minSeverity: webhook.minSeverity }
      await this.#put(tx, webhook, { type: 'config', ev: { what: 'webhook.added', webhook: id, ...ev } }, by, eventKey)
    })
    return { webhook, secret }
  }

  /** A new secret; the old one signs too until the overlap is over. */
  async rotate(id: string, overlapMs: number | undefined, by: Actor, owner?: string) {
    const { id: known } = this.known(id, owner)
    const now = this.#options.clock.now()
    const { secret, sealedSecret } = this.#newSecret(known)
    const overlap = overlapMs ?? DAY_MS
    const webhook = await this.#edit(known, 'rotated', by, (before) => ({
      ...before,
      sealedSecret,
      sealedPrevious: overlap === 0 ? undefined : before.sealedSecret,
      previousUntil: overlap === 0 ? undefined : now + overlap,
      rotatedAt: now,
    }))
    return { webhook, secret }
  }

  setStatus(id: string, status: Webhook['status'], by: Actor): Promise<Webhook> {
    return this.#edit(this.known(id).id, status, by, (before) => ({ ...before, status }))
  }

  async remove(id: string, by: Actor, owner?: string): Promise<void> {
    const webhook = this.known(id, owner)
    await this.#options.storage.write(
      async (tx) => {
        await removeWebhook(tx, webhook.id)
        await dropDeliveries(tx, webhook.id)
        const record = { type: 'config', actor: by, ev: { what: 'webhook.removed', webhook: webhook.id } }
        const after: WebhookChange = { webhook: undefined }
        await tx.change({ kind: 'webhook', ref: webhook.id, after, record })
      },
      { urgent: true },
    )
  }

  /** Edits the row as it is when it is its turn: another change may have come first, or its end. Throws Problem `webhook_unknown`. */
  #edit(id: WebhookId, word: string, by: Actor, edit: (before: Webhook) => Webhook): Promise<Webhook> {
    return this.#options.storage.write(async (tx) => {
      const before = await getWebhook(tx, id)
      if (before === undefined) throw alertProblem('webhook_unknown', { facts: { webhook: id } })
      const after = edit(before)
      await this.#put(tx, after, { type: 'config', ev: { what: `webhook.${word}`, webhook: id } }, by)
      return after
    })
  }

  #newSecret(id: WebhookId): { secret: Secret; sealedSecret: Buffer } {
    const secret = newWebhookSecret()
    return { secret, sealedSecret: this.#options.box.seal(secretPurpose(id), secret.reveal()) }
  }

  async #put(
    tx: Tx,
    webhook: Webhook,
    record: { type: string; ev: Record<string, string | string[]> },
    by: Actor,
    eventKey?: KeyObject,
  ): Promise<void> {
    const after: WebhookChange = { webhook, eventKey }
    await tx.change({ kind: 'webhook', ref: webhook.id, after, record: { ...record, actor: by } })
    await putWebhook(tx, webhook)
  }

  async #newKey(tx: Tx): Promise<KeyObject> {
    const bytes = new Secret(randomBytes(32))
    await putEventKey(tx, this.#options.box.seal(EVENT_KEY_PURPOSE, bytes.reveal()))
    const key = createSecretKey(bytes.reveal())
    bytes.wipe()
    return key
  }

  #openKey(sealed: Buffer): KeyObject | undefined {
    try {
      const bytes = this.#options.box.open(EVENT_KEY_PURPOSE, sealed)
      const key = createSecretKey(bytes.reveal())
      bytes.wipe()
      return key
    } catch (error) {
      if (error instanceof Problem && error.code !== 'vault_sealed') return undefined
      throw error
    }
  }

  #follow({ kind, ref, after }: Change): void {
    if (kind !== 'webhook') return
    const { webhook, eventKey } = after as WebhookChange
    this.#eventKey ??= eventKey
    if (webhook === undefined) this.#byId.delete(ref as WebhookId)
    else this.#byId.set(webhook.id, webhook)
    this.#options.changed(ref as WebhookId)
  }
}

/** What an endpoint's secrets are sealed for: bytes moved to another endpoint do not open. */
export function secretPurpose(id: WebhookId): string {
  return `webhook-secret/${id}`
}
