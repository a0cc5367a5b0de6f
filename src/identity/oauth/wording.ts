import type { Problem } from '../../ground/problem.ts'
import type { Wording } from '../../http/endpoint.ts'
import { retryAfterOf } from '../../http/retry-after.ts'

/** Our codes in the words of RFC 6749 §5.2 and its kin. Those of oauthProblems are the words themselves. */
const words: Readonly<Record<string, string>> = {
  refresh_invalid: 'invalid_grant',
  refresh_reused: 'invalid_grant',
  agent_not_active: 'invalid_grant',
  agent_stopped: 'invalid_grant',
  audience_unknown: 'invalid_target',
  scope_invalid: 'invalid_scope',
  scope_refused: 'invalid_scope',
  possession_unproven: 'invalid_dpop_proof',
  rate_limited: 'temporarily_unavailable',
  internal_error: 'server_error',
}
const OWN: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
])
/** What an `error_description` may hold. */
const OUTSIDE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g

/** A refusal as RFC 6749 §5.2 words it: JSON with `error` and `error_description`. */
export function wordOAuth(problem: Problem): Wording {
  const { code, status, title, detail, hint, facts } = problem
  const said = facts.error ?? words[code] ?? (OWN.has(code) ? code : undefined)
  const error = said ?? (status >= 500 ? 'temporarily_unavailable' : 'invalid_request')
  const description = [title, detail, hint]
    .filter((part) => part !== undefined)
    .map((part) => (part.endsWith('.') ? part.slice(0, -1) : part))
    .join('. ')
    .replaceAll(OUTSIDE, "'")
  const headers: Record<string, string> = { pragma: 'no-cache' }
  if (facts.dpopNonce !== undefined) headers['dpop-nonce'] = String(facts.dpopNonce)
  const retry = retryAfterOf(problem)
  if (retry !== undefined) headers['retry-after'] = retry
  if (facts.scheme !== undefined) headers['www-authenticate'] = `${facts.scheme} realm="claviger"`
  return { status: statusOf(problem, String(error)), headers, body: { error, error_description: description } }
}

function statusOf({ code, status }: Problem, error: string): number {
  if (error === 'invalid_client') return 401
  if (code === 'endpoint_unknown' || code === 'method_refused') return status
  return status === 429 || status >= 500 ? status : 400
}
