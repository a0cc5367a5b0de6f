import { beginsAsIssued, looksLikeCredential } from '../ground/looks-like-credential.ts'
import { looselyNamed, loosePairs } from '../ground/loose-query-names.ts'
import type { Target } from '../ground/target.ts'
import { proxyProblem } from './problems.ts'
import type { OutgoingHead } from './request-head.ts'

/** Query names by which widespread APIs take a key, a token, a signed request, or for whom it is. */
const CREDENTIAL_QUERY: ReadonlySet<string> = new Set([
  '$access_token',
  '$apikey',
  '$key',
  '$oauth_token',
  'access-key',
  'access-token',
  'access_key',
  'access_key_id',
  'access_token',
  'accesskey',
  'accesstoken',
  'api-key',
  'api-token',
  'api_key',
  'api_secret',
  'api_token',
  'apikey',
  'apitoken',
  'app_token',
  'application_key',
  'auth-token',
  'auth_token',
  'authorization',
  'authtoken',
  'awsaccesskeyid',
  'bearer',
  'bearer_token',
  'client_secret',
  'googleaccessid',
  'hapikey',
  'id_token',
  'job_token',
  'jwt',
  'oauth2_access_token',
  'oauth_consumer_key',
  'oauth_signature',
  'oauth_token',
  'ossaccesskeyid',
  'personal_access_token',
  'private-token',
  'private_token',
  'q-ak',
  'q-signature',
  'refresh_token',
  'secret_key',
  'session_token',
  'subscription-key',
  'subscription_key',
  'x-amz-credential',
  'x-amz-security-token',
  'x-amz-signature',
  'x-api-key',
  'x-goog-api-key',
  'x-goog-credential',
  'x-goog-signature',
  'x-oss-credential',
  'x-oss-security-token',
  'x-oss-signature',
  'xoauth_requestor_id',
])

/** Names of keys in some APIs and of anything in others: a value that some issuer made tells. */
const BY_VALUE: ReadonlySet<string> = new Set(['auth', 'key', 'secret', 'token'])
/** Shared access signatures of Azure. */
const SIGNATURE: ReadonlySet<string> = new Set(['sig'])
/** A quick no for nearly every query. */
const MENTIONS = /auth|key|secret|token|sig|%[c-f]/i

/** Throws Problem `credential_in_query`. */
export function refuseCredentialInQuery(head: OutgoingHead, except?: ReadonlySet<string>): void {
  const name = credentialQueryName(head.matched, except)
  if (name !== undefined) throw proxyProblem('credential_in_query', { facts: { name } })
}

/**
 * The name in the query that would bring a credential of the caller's own to a service we call with another, or
 * undefined. Names in `except`, in lower case, are passed over.
 */
function credentialQueryName({ query }: Target, except?: ReadonlySet<string>): string | undefined {
  const named = looselyNamed(query, CREDENTIAL_QUERY, except)
  if (named !== undefined || query === '' || !MENTIONS.test(query)) return named
  for (const { names, value } of loosePairs(query)) {
    for (const name of names) {
      if (except?.has(name) === true) continue
      if ((BY_VALUE.has(name) && beginsAsIssued(value)) || (SIGNATURE.has(name) && looksLikeCredential(value)))
        return name
    }
  }
  return undefined
}
