import type { ForwardedService } from './forward.ts'
import type { Opened } from './inject.ts'
import { type SecretMatcher, type SecretPattern, secretMatcher } from './scrub/matcher.ts'

/**
 * What to search an answer for: the secret that was sent with its request. The search is compiled once for as long as
 * the vault keeps the credential open, and forgotten with it.
 */
export function createMatchers(): (service: ForwardedService, opened: Opened | undefined) => SecretMatcher | undefined {
  const made = new WeakMap<Opened, SecretMatcher>()
  return (service, opened) => {
    if (opened === undefined || !service.scrub) return undefined
    let matcher = made.get(opened)
    if (matcher === undefined) {
      matcher = secretMatcher(patternsOf(service, opened), `[redacted:${opened.id}]`)
      made.set(opened, matcher)
    }
    return matcher
  }
}

/** The secret, and where it is `user:password` for Basic, the password alone too: that is the half worth stealing. */
function patternsOf(service: ForwardedService, opened: Opened): SecretPattern[] {
  const secret = opened.value.reveal()
  const patterns = [{ secret: Buffer.from(secret) }]
  const colon = secret.indexOf(':')
  if (service.injection?.kind === 'basic' && service.injection.username === undefined && colon >= 0) {
    patterns.push({ secret: Buffer.from(secret.subarray(colon + 1)) })
  }
  for (const other of opened.others ?? []) patterns.push({ secret: Buffer.from(other.reveal()) })
  return patterns
}
