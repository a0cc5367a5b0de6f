// SQL of the endpoints and of the key under which events are kept.
import { addressSet } from '../ground/addresses.ts'
import { canonicalJson } from '../ground/canonical-json.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import { Severity, type Webhook, type WebhookId, WebhookKind } from './contract.ts'

interface WebhookRow {
  readonly id: string
  readonly owner: string
  readonly kind: string
  readonly url: string
  readonly events: string
  readonly min_severity: string
  readonly addresses: string | null
  readonly status: string
  readonly secret: Uint8Array
  readonly previous: Uint8Array | null
  readonly previous_until: number | null
  readonly created_at: number
  readonly rotated_at: number | null
}

/** The one row of `alert_keys`. */
const EVENT_KEY = 'events'

export async function putWebhook(tx: Tx, webhook: Webhook): Promise<void> {
  await tx.put('webhooks', {
    id: webhook.id,
    owner: webhook.owner,
    kind: webhook.kind,
    url: webhook.url,
    events: canonicalJson(webhook.events),
    min_severity: webhook.minSeverity,
    addresses: webhook.allowed === undefined ? null : canonicalJson(webhook.allowed.cidrs),
    status: webhook.status,
    secret: webhook.sealedSecret,
    previous: webhook.sealedPrevious ?? null,
    previous_until: webhook.previousUntil ?? null,
    created_at: webhook.createdAt,
    rotated_at: webhook.rotatedAt ?? null,
  })
}

/** As this transaction sees it. */
export async function getWebhook(tx: Tx, id: WebhookId): Promise<Webhook | undefined> {
  const row = await tx.get<WebhookRow>('webhooks', id)
  return row && webhookOf(row)
}

/** Its health goes with it; what waits for it is dropDeliveries()'s. */
export async function removeWebhook(tx: Tx, id: WebhookId): Promise<void> {
  await tx.remove('webhooks', id)
  await tx.db.deleteFrom('webhook_health').where('id', '=', id).execute()
}

/** How many endpoints an owner has, as this transaction sees it. */
export async function countWebhooks(tx: Tx, owner: string): Promise<number> {
  const query = tx.db.selectFrom('webhooks').select((eb) => eb.fn.countAll().as('count'))
  const { count } = await query.where('owner', '=', owner).executeTakeFirstOrThrow()
  return Number(count)
}

/** All believed endpoints in the order in which they were made; `bad` are ids of rows that other hands changed. */
export async function loadWebhooks(storage: Storage): Promise<{ webhooks: Webhook[]; bad: string[] }> {
  const { rows, bad } = await storage.load<WebhookRow>('webhooks')
  const sorted = rows.sort((one, other) => one.created_at - other.created_at || (one.id < other.id ? -1 : 1))
  return { webhooks: sorted.map(webhookOf), bad }
}

export async function putEventKey(tx: Tx, sealed: Buffer): Promise<void> {
  await tx.put('alert_keys', { id: EVENT_KEY, secret: sealed })
}

/** The sealed key of events; undefined if there is none that is believed. */
export async function loadEventKey(storage: Storage): Promise<{ sealed: Buffer | undefined; bad: string[] }> {
  const { rows, bad } = await storage.load<{ secret: Uint8Array }>('alert_keys')
  return { sealed: rows[0] && Buffer.from(rows[0].secret), bad }
}

function webhookOf(row: WebhookRow): Webhook {
  return {
    id: row.id as WebhookId,
    owner: row.owner,
    kind: WebhookKind.parse(row.kind),
    url: row.url,
    events: JSON.parse(row.events) as string[],
    minSeverity: Severity.parse(row.min_severity),
    allowed: row.addresses === null ? undefined : addressSet(JSON.parse(row.addresses) as string[]),
    status: row.status === 'active' ? 'active' : 'disabled',
    sealedSecret: Buffer.from(row.secret),
    sealedPrevious: row.previous === null ? undefined : Buffer.from(row.previous),
    previousUntil: row.previous_until ?? undefined,
    createdAt: row.created_at,
    rotatedAt: row.rotated_at ?? undefined,
  }
}
