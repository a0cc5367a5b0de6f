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
 * undefined. `;` counts as a separator, and names are read as loosely as any server reads them: `a[]` as `a`, ` a` as
 * `a`, `a.b`, `a b` and `a[b` as `a_b`. Names in `except`, in lower case, are passed over.
 */
export function credentialQueryName(target: Target, except: ReadonlySet<string> = none): string | undefined {
  if (target.query === '') return undefined
  for (const piece of target.query.split(/[&;]/)) {
    const equals = piece.indexOf('=')
    for (const name of readings(equals < 0 ? piece : piece.slice(0, equals))) {
      if (CREDENTIAL_QUERY.has(name) && !except.has(name)) return name
    }
  }
  return undefined
}

/** What a query name may be to one server or another. */
function readings(raw: string): readonly string[] {
  const decoded = raw.includes('%') ? safelyDecoded(raw) : raw
  const name = decoded.replaceAll('+', ' ').normalize('NFKC').trim().toLowerCase()
  const plain = name.replace(/[[(].*$/s, '').trim()
  return /[ .[]/.test(name) ? [plain, name.replace(/[ .[]/g, '_'), plain.replace(/[ .]/g, '_')] : [plain]
}

function safelyDecoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
