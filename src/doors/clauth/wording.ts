import type { Problem } from '../../ground/problem.ts'
import type { PlainReply } from '../../http/plain-routes.ts'
import { MAX_BODY_BYTES, texts } from './contract.ts'

type Words = readonly [status: number, code: string, message?: string]

/** Our codes that have words of their own here. The door's own problems bring the contract's text as their detail. */
const byCode: Readonly<Record<string, Words>> = {
  clauth_unauthorized: [401, 'UNAUTHORIZED'],
  clauth_admin_disabled: [503, 'ADMIN_AUTH_DISABLED', 'CLAUTH_ADMIN_TOKEN is not configured'],
  clauth_denied: [403, 'ACCESS_DENIED'],
  clauth_forbidden: [403, 'FORBIDDEN'],
  clauth_not_found: [404, 'NOT_FOUND'],
  clauth_invalid: [422, 'VALIDATION_ERROR'],
  endpoint_unknown: [404, 'NOT_FOUND', 'Route not found'],
  json_invalid: [422, 'INVALID_JSON', 'Request body must be valid JSON'],
  body_too_large: [413, 'VALIDATION_ERROR', `Request body exceeds maximum size of ${MAX_BODY_BYTES} bytes`],
  vault_sealed: [403, 'ACCESS_DENIED', texts.locked],
  rejected_by_seal: [403, 'ACCESS_DENIED', texts.locked],
  token_not_live: [401, 'UNAUTHORIZED', texts.invalidToken],
  agent_not_active: [401, 'UNAUTHORIZED', texts.invalidToken],
  approval_required: [403, 'APPROVAL_REQUIRED'],
  agent_revoked: [422, 'VALIDATION_ERROR'],
  clauth_skill_named_itself: [422, 'VALIDATION_ERROR'],
  internal_error: [500, 'INTERNAL_ERROR', 'Internal error'],
}

const upstream: Words = [502, 'UPSTREAM_ERROR', texts.upstream]
const internal: Words = [500, 'INTERNAL_ERROR', 'Internal error']
/** What the provider did, or we on the way to it. */
const ON_THE_WAY = /^(?:upstream_|service_|answer_too_large)/

function wordsOf({ code, status }: Problem): Words {
  const known = byCode[code]
  if (known !== undefined) return known
  if (ON_THE_WAY.test(code)) return upstream
  if (status === 403) return [403, 'ACCESS_DENIED']
  if (status === 404) return [404, 'NOT_FOUND']
  if (status === 429) return [429, 'RATE_LIMITED']
  // What a client did wrong on the wire keeps its status; what it said in a body is 422 here.
  if (status === 408 || status === 411 || status === 417) return [status, 'VALIDATION_ERROR']
  return status >= 400 && status < 500 ? [422, 'VALIDATION_ERROR'] : internal
}

/** Every refusal of this door: `{"error":{"code","message","requestId","retryAfter"?}}`. */
export function wording(problem: Problem, requestId: string): PlainReply {
  const [status, code, text] = wordsOf(problem)
  const { retryAfterSeconds: retryAfter, approval: approvalId } = problem.facts
  const waits = code === 'APPROVAL_REQUIRED' && approvalId !== undefined
  const message = text ?? (waits ? `Approval required: ${approvalId}` : undefined) ?? problem.detail ?? problem.title
  const more = {
    requestId,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(approvalId !== undefined && { approvalId }),
  }
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  return { status, headers, body: { error: { code, message, ...more } } }
}
