import { awsKeys, signingSecret } from '../ground/credential-shape.ts'
import { namesIn } from '../ground/placeholders.ts'
import type { ForwardedService, ForwarderOptions } from './forward.ts'
import type { Opened } from './inject.ts'
import { type SecretMatcher, type SecretPattern, secretMatcher } from './scrub/matcher.ts'
import { oneThenOther } from './scrub/one-then-other.ts'

/**
 * What to search an answer for: the secret that was sent with its request. The search is compiled once for as long as
 * the vault keeps the credential open, and forgotten with it. Signatures are another one for each request, and so is the
 * search for them: whoever got one back could send the same request once more, past the gate, while it is good. It is compiled
 * alone: a session of AWS has 1,000 characters and more, which take milliseconds, and every call would wait for each.
 */
export function createMatchers(): ForwarderOptions['matcherFor'] {
  const made = new WeakMap<Opened, SecretMatcher>()
  return (service, opened, derived) => {
    if (opened === undefined || !service.scrub) return undefined
    const replacement = `[redacted:${opened.id}]`
    let matcher = made.get(opened)
    if (matcher === undefined) {
      matcher = secretMatcher(patternsOf(service, opened), replacement)
      made.set(opened, matcher)
    }
    if (derived === undefined) return matcher
    const signatures = derived.map((text) => ({ secret: Buffer.from(text, 'latin1') }))
    return oneThenOther(matcher, secretMatcher(signatures, replacement))
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
  for (const half of halvesOf(service.injection, secret.toString('latin1'))) patterns.push({ secret: half })
  for (const other of opened.others ?? []) patterns.push({ secret: Buffer.from(other.reveal()) })
  return patterns
}

/** What is worth stealing of a secret that is more than one thing: it never goes out, but it may be known elsewhere. */
function halvesOf(injection: ForwardedService['injection'], text: string): Buffer<ArrayBuffer>[] {
  if (injection?.kind === 'sigv4') {
    const { secret, session } = awsKeys(text) ?? {}
    return [secret, session].filter((part) => part !== undefined).map((part) => Buffer.from(part, 'latin1'))
  }
  // As Telegram's: the bot before the colon, which anybody may know, and what makes it a secret behind.
  if (injection?.kind === 'path' && text.includes(':'))
    return [Buffer.from(text.slice(text.indexOf(':') + 1), 'latin1')]
  if (injection?.kind !== 'hmac') return []
  const { stringToSign, headers = {}, query = {} } = injection
  const named = namesIn([stringToSign, ...Object.values(headers), ...Object.values(query)]).has('key_id')
  const parsed = signingSecret(text, injection.secretEncoding ?? 'text', named)
  return parsed === undefined ? [] : [Buffer.from(parsed.text, 'latin1'), Buffer.from(parsed.key)]
}
