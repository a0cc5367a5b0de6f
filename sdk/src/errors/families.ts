// One class for what callers do about a failure: sign in again, ask an operator, correct the request, wait, look at the service.
import { ClavigerError, type ErrorFacts } from '../claviger-error.ts'
import type { ErrorCode } from './codes.ts'

/** 401, or the vault door's words for it: the token or the proof is not good (any more). */
export class AuthenticationError extends ClavigerError {
  override name = 'AuthenticationError'
}

/** 403: known, and not allowed. `hint` says what an operator can do. */
export class PermissionError extends ClavigerError {
  override name = 'PermissionError'
}

/** 403: a human must say yes first, said no, or did not say yes to this. */
export class ApprovalError extends PermissionError {
  override name = 'ApprovalError'

  /** What to wait for: `waitForVerdict(approvalId)`, then make the identical call again. */
  get approvalId(): string | undefined {
    const { approval } = this.facts
    if (typeof approval === 'string') return approval
    return this.code === 'APPROVAL_REQUIRED' ? this.detail : undefined
  }
}

/** Other 4xx: the request cannot be carried out as it is. */
export class RequestError extends ClavigerError {
  override name = 'RequestError'
}

/** 429, or a limit of the gateway or of the service: later it may pass, see `retryAfterSeconds`. */
export class BusyError extends ClavigerError {
  override name = 'BusyError'
}

/** 502, 504: the gateway did not get an answer out of the service. */
export class UpstreamError extends ClavigerError {
  override name = 'UpstreamError'
}

/** 5xx: the gateway itself cannot, e.g. its vault is sealed or a credential is missing. */
export class UnavailableError extends ClavigerError {
  override name = 'UnavailableError'
}

/** The gateway could not be reached, or the connection broke before the answer was complete. */
export class ConnectionError extends ClavigerError {
  override name = 'ConnectionError'
}

/** The service's own refusal, where its answer was wanted as JSON. */
export class ServiceError extends ClavigerError {
  override name = 'ServiceError'
  /** JSON where it is any, else text: 64 KiB at most. */
  readonly body: unknown

  constructor(title: string, body: unknown, facts: ErrorFacts) {
    super('service_refused', title, facts)
    this.body = body
  }
}

const APPROVAL = new Set<string>([
  ...(['approval_required', 'approval_denied', 'approval_not_given', 'approval_mismatch'] satisfies ErrorCode[]),
  ...(['approval_used_up', 'APPROVAL_REQUIRED'] satisfies ErrorCode[]),
])
/** By code, because their status alone says less. */
const BUSY = new Set<string>(['overloaded', 'service_busy', 'service_resting', 'storage_busy', 'decoding_busy'])

/** The error of the family that a refusal of the gateway belongs to. */
export function refusalOf(code: string, title: string, facts: ErrorFacts & { readonly status: number }): ClavigerError {
  const Family = familyOf(code, facts.status)
  return new Family(code as ErrorCode, title, facts)
}

/** The vault door says 403 for nearly everything. */
const TOKEN = new Set<string>([
  ...(['AGENT_UNAUTHORIZED', 'TOKEN_REVOKED', 'invalid signature'] satisfies ErrorCode[]),
  ...(['jwt audience invalid. expected', 'jwt expired', 'jwt malformed', 'jwt must be provided'] satisfies ErrorCode[]),
])

function familyOf(code: string, status: number): typeof ClavigerError {
  if (APPROVAL.has(code)) return ApprovalError
  if (TOKEN.has(code)) return AuthenticationError
  if (code === 'fetch failed') return UpstreamError
  if (status === 429 || BUSY.has(code)) return BusyError
  if (status === 401) return AuthenticationError
  if (status === 403) return PermissionError
  if (status === 502 || status === 504) return UpstreamError
  if (status >= 500) return UnavailableError
  return status >= 400 ? RequestError : ClavigerError
}
