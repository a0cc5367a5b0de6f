/**
 * The idempotency keys of agents (Stripe's; draft-ietf-httpapi-idempotency-key-header): one key is one request for a day,
 * so that whoever did not hear the answer can ask again and nobody is asked twice. They live in the approvals that were
 * opened under them, and so as long, and over restarts.
 */
import { createHash } from 'node:crypto'
import { type Canonical, canonicalJson } from '../ground/canonical-json.ts'
import type { Action } from './action.ts'
import { type Approval, approvalProblem } from './contract.ts'

/** How long a key is known at least. */
export const KEY_KNOWN_MS = 24 * 3_600_000
const KEY = /^[\x20-\x7e]{1,255}$/

/** A key as it came, plain or as a structured field's string (RFC 8941 §3.3.3). Throws Problem `idempotency_key_invalid`. */
export function readIdempotencyKey(given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  const key = /^ *"([^"\\]+)" *$/.exec(given)?.[1] ?? given.trim()
  if (!KEY.test(key)) throw approvalProblem('idempotency_key_invalid')
  return key
}

/**
 * Of an agent's own: what was opened under the key. Throws Problem `idempotency_conflict` where that was another request.
 * Undefined too for a call of which the gateway would make another action by now: a person sees that anew.
 */
export function openedUnder(
  key: string | undefined,
  own: readonly Approval[],
  { action, digest }: Pick<Approval, 'action' | 'digest'>,
  now: number,
): Approval | undefined {
  if (key === undefined) return undefined
  const before = own.findLast(({ idempotencyKey }) => idempotencyKey === key)
  if (before === undefined || now - before.openedAt > KEY_KNOWN_MS) return undefined
  if (requestIn(before.action) !== requestIn(action)) throw approvalProblem('idempotency_conflict')
  return before.digest === digest || action.kind === 'stated' ? before : undefined
}

/** Tells stated actions apart that say the same: one request by its key, any other by chance. */
export function requestOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** What of an action came from the agent. Names, versions and rules are the gateway's, and may be others a minute later. */
function requestIn(action: Action): string {
  if (action.kind === 'call') {
    const { kind, service, method, origin, path, query, headers, body } = action
    return text({ kind, service: service.id, method, origin, path, query, headers, body })
  }
  return text({ ...action, agent: action.agent.id })
}

const text = (request: object) => canonicalJson(request as Canonical)
