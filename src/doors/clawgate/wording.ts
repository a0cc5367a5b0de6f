import type { Problem } from '../../ground/problem.ts'
import type { PlainReply } from '../../http/plain-routes.ts'

const byCode: Readonly<Record<string, readonly [status: number, code: string]>> = {
  json_invalid: [400, 'INVALID_JSON'],
  body_too_large: [413, 'VALIDATION_ERROR'],
  approval_expired: [410, 'EXPIRED'],
  streams_crowded: [429, 'RATE_LIMITED'],
  passkey_refused: [403, 'PASSKEY_REQUIRED'],
  verification_wanted: [403, 'PASSKEY_REQUIRED'],
  request_invalid: [422, 'VALIDATION_ERROR'],
  agent_name_invalid: [422, 'VALIDATION_ERROR'],
  token_life_invalid: [422, 'VALIDATION_ERROR'],
}

const byStatus: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'EXPIRED',
  422: 'VALIDATION_ERROR',
  429: 'RATE_LIMITED',
}

/** Every refusal of this door (§1): `{"error":{"code","message","requestId"}}`. */
export function wording(problem: Problem, requestId: string): PlainReply {
  const [status, code] = byCode[problem.code] ?? [problem.status, codeOf(problem.status)]
  const message = problem.detail ?? problem.title
  return { status, body: { error: { code, message, requestId } } }
}

function codeOf(status: number): string {
  return byStatus[status] ?? (status >= 500 ? 'INTERNAL_ERROR' : 'VALIDATION_ERROR')
}
