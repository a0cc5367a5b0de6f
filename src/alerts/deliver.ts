import type { Clock } from '../ground/clock.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Problem } from '../ground/problem.ts'
import type { Secret } from '../ground/secret.ts'
import type { Outbound } from '../http/outbound.ts'
import { checkUrl } from './check-url.ts'
import type { SealedBox, Webhook } from './contract.ts'
import { signatureHeaders } from './signature.ts'
import { secretPurpose } from './webhooks.ts'

/** How an attempt went: only a 2xx answer is a delivery. `error` is a problem's code or `status_<number>`. */
export type Outcome =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly status?: number; readonly error: string }

export type Deliver = (
  webhook: Webhook,
  event: { readonly id: string; readonly body: string },
  signal?: AbortSignal,
) => Promise<Outcome>

export interface DeliverOptions {
  readonly outbound: Outbound
  readonly clock: Clock
  readonly box: SealedBox
}

/** Makes one attempt: signs, sends, reads the status and nothing else. Follows nothing. Does not throw Problems. */
export function createDeliver({ outbound, clock, box }: DeliverOptions): Deliver {
  return async (webhook, { id, body }, signal) => {
    const secrets: Secret[] = []
    try {
      const now = clock.now()
      for (const sealed of sealedSecrets(webhook, now)) secrets.push(box.open(secretPurpose(webhook.id), sealed))
      const timestamp = Math.floor(now / 1_000)
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'claviger-webhooks',
        ...signatureHeaders({ kind: webhook.kind, id, timestamp, body, secrets }),
      }
      const { allowed, url } = webhook
      const pinned = [parseOrigin(originOf(url), { anyPort: allowed !== undefined })]
      const request = {
        kind: 'webhook',
        method: 'POST',
        url,
        pinned,
        allowed,
        headers,
        body,
        statusOnly: true,
      } as const
      const { status } = await outbound({ ...request, ...(signal && { signal }) })
      return status >= 200 && status < 300 ? { ok: true, status } : { ok: false, status, error: `status_${status}` }
    } catch (error) {
      if (error instanceof Problem) return { ok: false, error: error.code }
      throw error
    } finally {
      for (const secret of secrets) secret.wipe()
    }
  }
}

function sealedSecrets({ sealedSecret, sealedPrevious, previousUntil = 0 }: Webhook, now: number): Buffer[] {
  return sealedPrevious !== undefined && now < previousUntil ? [sealedSecret, sealedPrevious] : [sealedSecret]
}

function originOf(url: string): string {
  return /^https?:\/\/[^/?#]+/i.exec(url)?.[0] ?? ''
}

/** One attempt to reach an address that nobody made an endpoint of: nothing signs it. Follows nothing, and no inside address. */
export async function postUnsigned(
  outbound: Outbound,
  url: string,
  body: string,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const pinned = [checkUrl(url, undefined)]
    const headers = { 'content-type': 'application/json', 'user-agent': 'claviger-webhooks' }
    const request = { kind: 'webhook', method: 'POST', url, pinned, headers, body, statusOnly: true } as const
    const { status } = await outbound({ ...request, ...(signal && { signal }) })
    return status >= 200 && status < 300
  } catch (error) {
    if (error instanceof Problem) return false
    throw error
  }
}
