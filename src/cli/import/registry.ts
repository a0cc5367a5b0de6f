// Registries that a file names by their address: a login is for the service at that very origin, or for one made for it.
import { isIP } from 'node:net'
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import type { Found } from './found.ts'
import { UNKNOWN } from './nearest-service.ts'

/** Registries whose service has another name than `kind-host`. */
const known: ReadonlyMap<string, string> = new Map([
  ['https://registry.npmjs.org', 'npm'],
  ['https://auth.docker.io', 'docker-hub'],
])

/** Nothing is made for an address that no gateway would dial. */
export function registryService(
  kind: 'npm' | 'docker',
  origins: readonly string[],
  how: 'basic' | 'bearer',
  { serviceOn }: Around,
): Pick<Found, 'service' | 'makes' | 'origin'> {
  const there = origins.map(serviceOn).find((name) => name !== undefined)
  const [first = ''] = origins
  if (there !== undefined) return { service: there, origin: first }
  if (!URL.canParse(first) || isOfThisNetwork(new URL(first).hostname)) return { service: UNKNOWN }
  const name = known.get(first) ?? `${kind}-${new URL(first).host.replaceAll(':', '-')}`
  if (name.length > 64) return { service: UNKNOWN }
  return { service: name, origin: first, makes: { name, origins, injection: { kind: how } } }
}

/** An address, or a name that is none of the public network: it wants somebody to say that it may be called. */
function isOfThisNetwork(host: string): boolean {
  return host.startsWith('[') || isIP(host) !== 0 || !host.includes('.')
}

/** The user and password behind the base64 of both; undefined for what is none. */
export function loginIn(base64: string): { user: string; secret: Secret } | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined
  const text = Buffer.from(base64, 'base64').toString('latin1')
  const colon = text.indexOf(':')
  if (colon < 1 || text.length - colon - 1 < 1) return undefined
  return { user: text.slice(0, colon), secret: Secret.fromText(text) }
}
