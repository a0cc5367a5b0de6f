import type { Webhook, WebhookView } from './contract.ts'
import type { Health } from './outbox-store.ts'

/** An endpoint that fails for so long is flagged. */
const FAILING_MS = 24 * 3_600_000

export interface Standing {
  readonly pending: number
  readonly dead: number
  readonly health: Health | undefined
  readonly now: number
}

/** An endpoint as its owner sees it, without its secrets. */
export function viewOf(webhook: Webhook, { pending, dead, health, now }: Standing): WebhookView {
  const { id, url, events, minSeverity, kind, owner, allowed, status, createdAt, rotatedAt, previousUntil } = webhook
  const failingSince = health?.failingSince ?? undefined
  const { lastSuccessAt, lastFailureAt, lastError } = health ?? {}
  return {
    id,
    url,
    events: [...events],
    minSeverity,
    kind,
    owner,
    status,
    createdAt,
    pending,
    deadLetters: dead,
    failing: failingSince !== undefined && now - failingSince >= FAILING_MS,
    ...(allowed !== undefined && { addresses: [...allowed.cidrs] }),
    ...(rotatedAt !== undefined && { rotatedAt }),
    ...(previousUntil !== undefined && now < previousUntil && { previousSecretUntil: previousUntil }),
    ...(failingSince !== undefined && { failingSince }),
    ...(lastSuccessAt != null && { lastSuccessAt }),
    ...(lastFailureAt != null && { lastFailureAt }),
    ...(lastError != null && { lastError }),
  }
}
