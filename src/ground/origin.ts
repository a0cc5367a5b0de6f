// Origins: where a service may be reached. One parser (WHATWG URL) reads the text, and what it had to repair is refused:
// an origin is accepted only if its host reads back exactly as it was written, but for letter case.
import { parse as parseDomain } from 'tldts'
import { isBadPort } from './bad-ports.ts'
import { problemsOf } from './problem.ts'

export interface Origin {
  readonly scheme: 'https' | 'http'
  /** A-labels in lower case; an IPv6 address in brackets; begins with `*.` where `wildcard` is true. */
  readonly host: string
  readonly port: number
  readonly wildcard: boolean
  /** `https://api.example.com:443`, the port always written. */
  readonly href: string
}

export interface OriginOptions {
  /** Whether the leftmost label may be `*`, which stands for exactly one label. */
  readonly wildcard?: boolean
  /** Whether ports on Fetch's bad-port list are taken (for services inside the operator's own network). */
  readonly anyPort?: boolean
}

export const originProblems = {
  origin_invalid: {
    status: 400,
    title: 'Cannot read the origin',
    hint: 'Write it as https://host or https://host:port, with the host in ASCII and without user, path or query.',
  },
} as const

const problem = problemsOf(originProblems)

// Suffixes under which strangers get names but which are not in the Public Suffix List.
const sharedSuffixes: ReadonlySet<string> = new Set([
  'amazonaws.com',
  'atlassian.net',
  'auth0.com',
  'azure.com',
  'freshdesk.com',
  'okta.com',
  'openai.azure.com',
  'cognitiveservices.azure.com',
  'salesforce.com',
  'my.salesforce.com',
  'service-now.com',
  'sharepoint.com',
  'windows.net',
  'zendesk.com',
])

const SHAPE = /^(https?):\/\/(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?\/?$/i
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/**
 * Reads an origin. Throws Problem `origin_invalid` for userinfo, path, query, fragment, percent signs, non-ASCII,
 * trailing dots, numeric address spellings other than the plain one, bad ports, and wildcards that were not asked for
 * or that stand on a public suffix (ICANN or private section), where a stranger can own the name that matches.
 */
export function parseOrigin(text: string, options: OriginOptions = {}): Origin {
  const match = SHAPE.exec(text)
  if (match === null) throw refused('it is not of the form scheme://host:port')
  const scheme = match[1]!.toLowerCase() as 'https' | 'http'
  const wildcard = match[2] !== undefined
  const base = readBack(scheme, match[3]!.toLowerCase())
  const port = match[4] === undefined ? (scheme === 'https' ? 443 : 80) : Number(match[4])
  if (port > 65_535) throw refused('the port is above 65535')
  if (isBadPort(port) && options.anyPort !== true) throw refused(`port ${port} belongs to another protocol`)
  if (wildcard) checkWildcard(base, options.wildcard === true)
  const host = wildcard ? `*.${base}` : base
  return Object.freeze({ scheme, host, port, wildcard, href: `${scheme}://${host}:${port}` })
}

/** Whether this host, port and scheme are at the origin; a wildcard stands for exactly one label. */
export function originMatches(pattern: Origin, host: string, port: number, scheme: string): boolean {
  if (port !== pattern.port || scheme !== pattern.scheme) return false
  if (!pattern.wildcard) return host === pattern.host
  const suffix = pattern.host.length - 1 // '*.example.com' → '.example.com'
  const label = host.length - suffix
  return (
    label > 0 && host.endsWith(pattern.host.slice(1)) && host.indexOf('.') === label && LABEL.test(host.slice(0, label))
  )
}

/** The value of `Host` for requests to this origin: the port only where it is not the scheme's own (RFC 9110 §7.2). */
export function hostHeader(origin: Origin): string {
  return origin.port === (origin.scheme === 'https' ? 443 : 80) ? origin.host : `${origin.host}:${origin.port}`
}

function readBack(scheme: string, host: string): string {
  let read: string
  try {
    read = new URL(`${scheme}://${host}/`).hostname
  } catch {
    throw refused('the host is not a valid name or address')
  }
  if (read !== host) throw refused(`the host reads as '${read}'; write that if it is what you mean`)
  if (host.startsWith('[')) return host
  if (host.length > 253 || !host.split('.').every((label) => LABEL.test(label))) {
    throw refused('the host has an empty or malformed label')
  }
  return host
}

function checkWildcard(base: string, allowed: boolean): void {
  if (!allowed) throw refused('a wildcard is not allowed here')
  if (base.startsWith('[') || parseDomain(base).isIp === true)
    throw refused('a wildcard cannot stand before an address')
  const under = `wildcard-probe.${base}`
  if (isSharedSuffix(base) || isSharedSuffix(under)) {
    throw refused(`anybody can get a name under ${base}`)
  }
}

function isSharedSuffix(name: string): boolean {
  if (sharedSuffixes.has(name)) return true
  return parseDomain(name, { allowPrivateDomains: true }).publicSuffix === name
}

function refused(why: string) {
  return problem('origin_invalid', { detail: `The origin is refused: ${why}.` })
}
