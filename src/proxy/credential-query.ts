import { looselyNamed } from '../ground/loose-query-names.ts'
import type { Target } from '../ground/target.ts'
import { proxyProblem } from './problems.ts'
import type { OutgoingHead } from './request-head.ts'

/** Query names by which widespread APIs take a key, a token or a signed request. */
const CREDENTIAL_QUERY: ReadonlySet<string> = new Set([
  'access_token',
  'accesstoken',
  'api-key',
  'api_key',
  'api_token',
  'apikey',
  'auth_token',
  'authorization',
  'bearer_token',
  'client_secret',
  'oauth_token',
  'private_token',
  'subscription-key',
  'x-amz-credential',
  'x-amz-security-token',
  'x-amz-signature',
  'x-api-key',
  'x-goog-credential',
  'x-goog-signature',
])

/** Throws Problem `credential_in_query`. */
export function refuseCredentialInQuery(head: OutgoingHead, except?: ReadonlySet<string>): void {
  const name = credentialQueryName(head.matched, except)
  if (name !== undefined) throw proxyProblem('credential_in_query', { facts: { name } })
}

/**
 * The name in the query that would bring a credential of the caller's own to a service we call with another, or
 * undefined. Names in `except`, in lower case, are passed over.
 */
function credentialQueryName(target: Target, except?: ReadonlySet<string>): string | undefined {
  return looselyNamed(target.query, CREDENTIAL_QUERY, except)
}
