// Where the operators' pages are: for browsers, for links, and for passkeys, which are good for one host name.
import { type Party, partyAt } from './identity/people/party.ts'
import type { Settings } from './settings.ts'

type Given = Pick<Settings, 'publicUrl' | 'tlsCert'>

/** The port that is asked for; 0 for a free one, undefined for none. */
export function wantedOperatorPort({
  operatorPort,
  port,
}: Pick<Settings, 'operatorPort' | 'port'>): number | undefined {
  if (operatorPort === 'off') return undefined
  return operatorPort ?? (port === 0 ? 0 : port + 1)
}

/**
 * Every page of the operators, the one that links lead to first. With CLAVIGER_PUBLIC_URL that is where a reverse proxy
 * hands requests on to `port`; with a certificate of our own also the same name at `port` itself; and always this machine.
 */
export function operatorParties({ publicUrl, tlsCert }: Given, port: number | undefined): readonly Party[] {
  if (port === undefined) return []
  const tls = tlsCert !== undefined
  const here = `${tls ? 'https' : 'http'}://localhost:${port}`
  const own = tls && publicUrl !== undefined ? [`https://${new URL(publicUrl).hostname}:${port}`] : []
  const origins = [...own, ...(publicUrl === undefined ? [] : [publicUrl]), here]
  return [...new Set(origins)].map(partyAt)
}

/** The `Host` values that are answered there. */
export function operatorHosts(parties: readonly Party[], port: number): ReadonlySet<string> {
  const hosts = new Set([`127.0.0.1:${port}`, `[::1]:${port}`])
  for (const { origin } of parties) {
    const url = new URL(origin)
    hosts.add(url.host)
    if (url.port === '') hosts.add(`${url.hostname}:${url.protocol === 'https:' ? 443 : 80}`)
  }
  return hosts
}
