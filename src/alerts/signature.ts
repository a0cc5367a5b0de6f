// Secrets of endpoints, and the headers that prove a delivery: Standard Webhooks (standardwebhooks.com, specification
// 1.0.0) and, for the ClawAuth dialect, the header of its contract.
import { createHmac, randomBytes } from 'node:crypto'
import { Secret } from '../ground/secret.ts'
import type { WebhookKind } from './contract.ts'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): Secret {
  return Secret.fromText(`${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`)
}

export interface Signed {
  readonly kind: WebhookKind
  /** The event's id: the same at every attempt. */
  readonly id: string
  /** Seconds since 1970, of this attempt. */
  readonly timestamp: number
  readonly body: string
  /** The newest first; two while a rotation overlaps. */
  readonly secrets: readonly Secret[]
}

/**
 * Standard Webhooks sign `id.timestamp.body` with the bytes that stand behind `whsec_` in base64; several signatures are
 * set apart by spaces. The ClawAuth header signs `timestamp.body` with the secret as it was shown; several are `v1` each.
 */
export function signatureHeaders({ kind, id, timestamp, body, secrets }: Signed): Record<string, string> {
  const texts = secrets.map((secret) => secret.reveal().toString('latin1'))
  const standard = texts.map((text) => {
    const key = Buffer.from(text.slice(PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  const headers: Record<string, string> = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': standard.join(' '),
  }
  if (kind === 'clawauth') {
    const own = texts.map((text) => `v1=${createHmac('sha256', text).update(`${timestamp}.${body}`).digest('hex')}`)
    headers['x-clawauth-signature'] = [`t=${timestamp}`, ...own].join(',')
    headers['x-clawauth-delivery'] = id
  }
  return headers
}
