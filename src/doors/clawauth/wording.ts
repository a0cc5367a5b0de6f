import type { Problem } from '../../ground/problem.ts'
import type { Wording } from '../../http/endpoint.ts'
import { retryAfterOf } from '../../http/retry-after.ts'

/** The contract's codes by status (clawauth.md §1); what it does not know stands under INTERNAL_ERROR and UNAVAILABLE. */
const byStatus: Readonly<Record<number, string>> = {
  400: 'INVALID_JSON',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'CHALLENGE_EXPIRED',
  413: 'VALIDATION_ERROR',
  415: 'INVALID_JSON',
  422: 'VALIDATION_ERROR',
  426: 'HTTPS_REQUIRED',
  429: 'RATE_LIMITED',
  500: 'INTERNAL_ERROR',
  503: 'UNAVAILABLE',
}

/** Where our code says more than its status, or has another status at this door. */
const byCode: Readonly<Record<string, readonly [status: number, code: string]>> = {
  method_refused: [404, 'NOT_FOUND'],
  request_invalid: [422, 'VALIDATION_ERROR'],
  proof_refused: [401, 'INVALID_SIGNATURE'],
  proof_invalid: [401, 'INVALID_SIGNATURE'],
  bare_nonce_refused: [401, 'INVALID_SIGNATURE'],
  possession_unproven: [401, 'INVALID_SIGNATURE'],
  wrong_audience: [401, 'INVALID_TOKEN'],
  token_not_live: [401, 'INVALID_TOKEN'],
  refresh_invalid: [401, 'INVALID_TOKEN'],
  refresh_reused: [401, 'INVALID_TOKEN'],
  invite_invalid: [403, 'FORBIDDEN'],
  origin_invalid: [422, 'VALIDATION_ERROR'],
}

/** Every refusal of this door: `{"error":{"code","message","requestId"}}`. */
export function wording(problem: Problem, requestId: string): Wording {
  const [status, code] = byCode[problem.code] ?? [problem.status, byStatus[problem.status] ?? 'INVALID_JSON']
  const message = problem.detail === undefined ? problem.title : `${problem.title}: ${problem.detail}`
  const headers: Record<string, string> = {}
  const { dpopNonce } = problem.facts
  const retry = retryAfterOf(problem)
  if (retry !== undefined) headers['retry-after'] = retry
  if (dpopNonce !== undefined) headers['dpop-nonce'] = String(dpopNonce)
  return { status, headers, body: { error: { code, message, requestId } } }
}
