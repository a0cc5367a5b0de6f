import type { Target } from '../ground/target.ts'

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

const none: ReadonlySet<string> = new Set()

/**
 * The name in the query that would bring a credential of the caller's own to a service we call with another, or
 * undefined. `;` counts as a separator and `a[]` as `a`, because some servers read them so. Names in `except`, in
 * lower case, are passed over.
 */
export function credentialQueryName(target: Target, except: ReadonlySet<string> = none): string | undefined {
  if (target.query === '') return undefined
  for (const piece of target.query.split(/[&;]/)) {
    const equals = piece.indexOf('=')
    const name = plainName(equals < 0 ? piece : piece.slice(0, equals))
    if (CREDENTIAL_QUERY.has(name) && !except.has(name)) return name
  }
  return undefined
}

function plainName(raw: string): string {
  const decoded = raw.includes('%') ? safelyDecoded(raw) : raw
  return decoded
    .toLowerCase()
    .replace(/[[(].*$/s, '')
    .trim()
}

function safelyDecoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
