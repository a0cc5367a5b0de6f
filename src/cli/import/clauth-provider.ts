// Where Clauth lets a credential go and how it attaches it (clauth.md §5), as a service says it. Pure.
import type { ClauthCredential } from './clauth-formats.ts'

/** `origins` undefined: neither Clauth nor the credential's own list says. `own`: the credential's list does. */
export interface WantedService {
  readonly origins: readonly string[] | undefined
  readonly own: boolean
  readonly injection: Readonly<Record<string, string>>
}

const hosts: Readonly<Record<string, readonly string[]>> = {
  github: ['api.github.com'],
  openai: ['api.openai.com'],
  stripe: ['api.stripe.com'],
  twitter: ['api.twitter.com', 'api.x.com'],
  x: ['api.twitter.com', 'api.x.com'],
  slack: ['slack.com', '*.slack.com'],
  discord: ['discord.com', '*.discord.com', 'discordapp.com', '*.discordapp.com'],
  google: ['www.googleapis.com', 'oauth2.googleapis.com', 'accounts.google.com'],
  moltbook: ['api.moltbook.com', 'moltbook.com'],
}

/** Metadata that speaks of the service, and is no fact about the credential here. */
export const SERVICE_METADATA: ReadonlySet<string> = new Set(['authType', 'headerName', 'allowedHosts'])

export function wantedService(provider: string, { metadata }: Pick<ClauthCredential, 'metadata'>): WantedService {
  const listed = metadata?.allowedHosts?.split(',').flatMap((host) => host.trim().toLowerCase() || []) ?? []
  const own = listed.length > 0
  const known = own ? listed : Object.hasOwn(hosts, provider) ? hosts[provider] : undefined
  return { origins: known && originsOf(known), own, injection: injectionOf(provider, metadata ?? {}) }
}

/** `*.d` means d as well as what is one label below. */
function originsOf(listed: readonly string[]): string[] {
  const all = listed.flatMap((host) => (host.startsWith('*.') ? [host.slice(2), host] : [host]))
  return [...new Set(all)].map((host) => `https://${host}`)
}

function injectionOf(provider: string, metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { authType = Object.hasOwn(hosts, provider) ? 'bearer' : 'api-key', headerName } = metadata
  if (authType === 'api-key') return { kind: 'header', name: (headerName || 'x-api-key').toLowerCase() }
  // The secret is what stands behind the word already.
  if (authType === 'basic') return { kind: 'template', name: 'authorization', template: 'Basic {secret}' }
  return { kind: 'bearer' }
}

export function sameInjection(one: object | undefined, other: object): boolean {
  const text = (value: object | undefined) =>
    JSON.stringify(Object.entries(value ?? {}).sort(([left], [right]) => (left < right ? -1 : 1))).toLowerCase()
  return text(one) === text(other)
}
