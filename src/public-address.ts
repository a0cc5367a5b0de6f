// Under which addresses the gateway is known.
import type { Settings } from './settings.ts'

/** The issuer of tokens and the base of links: what the operator says, else where the listener is. No `/` at its end. */
export function issuerOf(settings: Pick<Settings, 'publicUrl'>, rooms: { readonly url: string }): string {
  return settings.publicUrl ?? rooms.url
}

/** The `Host` values of the public address: as browsers write it, and with its port. */
export function publicHosts({ publicUrl }: Pick<Settings, 'publicUrl'>): string[] {
  if (publicUrl === undefined) return []
  const { host, hostname, port } = new URL(publicUrl)
  return [host, `${hostname}:${port === '' ? '443' : port}`]
}

/** Where the agents' listener is reached from this machine; `port` is the one it got, where that is known. */
export function listenerUrl(settings: Settings, port = settings.port): string {
  return `${settings.tlsCert === undefined ? 'http' : 'https'}://${urlHost(settings.host)}:${port}`
}

/** What listens on every address is reached by its own name; `0.0.0.0` is none. */
function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
