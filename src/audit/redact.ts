/**
 * Redaction: nothing secret enters a record, so nothing has to be removed later. Values become
 * `hmac-sha256:<N>:<base64url>`: equal values stay comparable and can be searched for with the key, the log alone
 * reveals nothing. Without the key there is a form that says so and compares with nothing.
 */
import type { KeyObject } from 'node:crypto'
import { domain } from '../crypto/framing.ts'
import { hmac } from '../crypto/mac.ts'
import { looksLikeCredential } from '../ground/looks-like-credential.ts'
import type { RedactableTarget } from './contract.ts'

const DOMAIN = domain('audit-redact')
const SEALED = 'hmac-sha256:0:sealed'

export interface RedactKey {
  readonly version: number
  readonly key: KeyObject
}

/** HMAC(auditRedact_N, D("audit-redact") ‖ value) in its written form. */
export function redactedForm(value: string, redactKey: RedactKey | undefined): string {
  if (redactKey === undefined) return SEALED
  return `hmac-sha256:${redactKey.version}:${hmac(redactKey.key, DOMAIN, value).toString('base64url')}`
}

/** Segments shorter than this are never taken for a credential, so most paths are not looked at further. */
const LONG_SEGMENT = /[^/]{12}/

/**
 * The path with credential-like segments redacted, and the query with every value redacted whose name is not in
 * `plainQuery`. Names stay, unless they look like a credential themselves (`?sk-live-…`).
 */
export function redactTarget(
  target: RedactableTarget,
  plainQuery: ReadonlySet<string> | undefined,
  redact: (value: string) => string,
): { readonly path: string; readonly query?: string } {
  const path = LONG_SEGMENT.test(target.path) ? redactPath(target, redact) : target.path
  if (target.query === '') return { path }
  const query = target.pairs.map(({ rawName, name, value, raw }) => {
    const shown = looksLikeCredential(name) ? redact(name) : rawName
    if (value === '') return raw.includes('=') ? `${shown}=` : shown
    return plainQuery?.has(name) && shown === rawName ? raw : `${shown}=${redact(value)}`
  })
  return { path, query: query.join('&') }
}

function redactPath(target: RedactableTarget, redact: (value: string) => string): string {
  if (!target.segments.some((segment) => looksLikeCredential(decoded(segment)))) return target.path
  const parts = target.segments.map((segment) => {
    const value = decoded(segment)
    return looksLikeCredential(value) ? redact(value) : segment
  })
  return `/${parts.join('/')}`
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
