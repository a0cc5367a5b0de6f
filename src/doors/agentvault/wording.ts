import type { Problem } from '../../ground/problem.ts'
import type { PlainReply } from '../../http/plain-routes.ts'
import { VaultRefusal } from './refusal.ts'

/** Refusals of the ground floor and the rooms, in this dialect; statuses that the contract leaves to the endpoint are left out. */
const byCode: Readonly<Record<string, readonly [error: string, status?: number]>> = {
  json_invalid: ['INVALID_JSON', 400],
  http_malformed: ['INVALID_JSON', 400],
  media_type_refused: ['INVALID_JSON', 400],
  body_too_large: ['PAYLOAD_TOO_LARGE', 413],
  request_timeout: ['REQUEST_TIMEOUT', 408],
  reading_busy: ['RATE_LIMITED', 429],
  endpoint_unknown: ['NOT_FOUND', 404],
  https_required: ['HTTPS_REQUIRED', 426],
  unauthenticated: ['AGENT_UNAUTHORIZED', 403],
  caller_refused: ['AGENT_UNAUTHORIZED', 403],
  wrong_audience: ['AGENT_UNAUTHORIZED', 403],
  token_conflict: ['AGENT_UNAUTHORIZED', 403],
  token_not_live: ['AGENT_UNAUTHORIZED', 403],
  possession_unproven: ['AGENT_UNAUTHORIZED', 403],
  internal_error: ['INTERNAL_ERROR', 500],
}

/** A problem as the client reads it. `status`: what the endpoint fails with. */
export function worded(problem: Problem, status: number): { readonly error: string; readonly status: number } {
  if (problem instanceof VaultRefusal) return { error: problem.error, status: problem.ownStatus ?? status }
  const known = byCode[problem.code]
  if (known !== undefined) return { error: known[0], status: known[1] ?? status }
  const own = problem.status >= 500 || problem.status === 429
  return { error: problem.code.toUpperCase(), status: own ? problem.status : status }
}

/** What every failure of the vault itself carries, so that its 403 is not taken for the service's (AV-12). */
export function wording(problem: Problem): PlainReply {
  const { error, status } = worded(problem, problem.status)
  const seconds = problem instanceof VaultRefusal ? problem.retryAfterSeconds : undefined
  const headers = {
    'x-vault-error': headerText(error),
    ...(seconds !== undefined && { 'retry-after': String(seconds) }),
  }
  return { status, headers, body: { error } }
}

/** The whole of it where a header can hold it, else its code. */
function headerText(error: string): string {
  const short = error.length <= 200 && /^[\x20-\x7e]*$/.test(error) ? error : (error.split(':', 1)[0] as string)
  return short.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
