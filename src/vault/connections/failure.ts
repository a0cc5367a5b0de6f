import * as oauth from 'oauth4webapi'
import { Problem } from '../../ground/problem.ts'

/**
 * Why there is no new token. `refused`: the provider said no, and asking again changes nothing. `unavailable`: it could
 * not be asked, or did not answer so that it could be understood; worth another try later.
 */
export class RenewalFailure extends Error {
  override readonly name = 'RenewalFailure'
  readonly verdict: 'refused' | 'unavailable'
  /** A word for the record: nothing that the provider wrote itself. */
  readonly reason: string

  constructor(verdict: RenewalFailure['verdict'], reason: string, cause?: unknown) {
    super(reason, { cause })
    this.verdict = verdict
    this.reason = reason
  }
}

/** RFC 6749 §5.2, RFC 8628 §3.5, and what GitHub says in their place. What is not here may be a token: it is not repeated. */
const REFUSALS: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
  'expired_token',
  'bad_refresh_token',
  'bad_verification_code',
  'incorrect_client_credentials',
  'incorrect_device_code',
])
const PASSING: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** Whatever was thrown on the way to a token, as a failure. */
export function failureOf(error: unknown): RenewalFailure {
  if (error instanceof RenewalFailure) return error
  if (error instanceof oauth.ResponseBodyError) return saidByProvider(error)
  if (error instanceof Problem) return new RenewalFailure('unavailable', error.code, error)
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    return new RenewalFailure('unavailable', 'answer_unusable', error)
  }
  return new RenewalFailure('unavailable', 'failed', error)
}

function saidByProvider(error: oauth.ResponseBodyError): RenewalFailure {
  const said = error.error
  if (error.status === 429 || error.status >= 500 || PASSING.has(said)) {
    return new RenewalFailure('unavailable', PASSING.has(said) ? said : `http_${error.status}`, error)
  }
  return new RenewalFailure('refused', REFUSALS.has(said) ? said : 'other_error', error)
}

/** An answer without words: a client that is not known any more, or something between that is out of order. */
export function failureOfStatus(status: number): RenewalFailure {
  const refused = status === 400 || status === 401 || status === 404 || status === 422
  return new RenewalFailure(refused ? 'refused' : 'unavailable', `http_${status}`)
}
