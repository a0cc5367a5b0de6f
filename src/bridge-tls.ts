// TLS where agents in machines of their own come in, by the local authority: nobody has to care for its certificates.
import type { Log } from './ground/log.ts'
import { NO_CERTIFICATE, type TlsSource } from './http/secure-server.ts'
import type { LocalCa, OwnPair } from './local-ca/local-ca.ts'
import type { Settings } from './settings.ts'

const LOOK_EVERY_MS = 2_000

/** The addresses, as origins write them. */
export function ownHosts({ bridgeListen }: Pick<Settings, 'bridgeListen'>): string[] {
  return [...new Set(bridgeListen.map(({ host }) => (host.includes(':') ? `[${host}]` : host)))]
}

export interface BridgeTls {
  /** Until the vault was open once there is no certificate, and nobody is answered. */
  sourceFor(host: string): TlsSource
  look(): Promise<void>
  close(): void
}

interface BridgeNeeds {
  readonly localCa: Pick<LocalCa, 'pairFor'>
  readonly identity: { readonly hasOperator: boolean }
  readonly log: Log
}

/** Looks every two seconds whether it is time for another certificate: after unsealing, another key, half a life. */
export function openBridgeTls({ localCa, identity, log }: BridgeNeeds, settings: Settings): BridgeTls {
  const pairs = new Map<string, OwnPair>()
  const followers = new Set<() => void>()
  const look = async () => {
    // The first row that was ever authenticated is an operator's.
    if (!identity.hasOperator) return
    for (const own of ownHosts(settings)) {
      // Sealed: the one that is there does, and its callers hear so.
      const pair = await localCa.pairFor(own).catch(() => undefined)
      if (pair === undefined || pair === pairs.get(own)) continue
      pairs.set(own, pair)
      for (const follower of followers) follower()
      log.info({ host: own }, 'TLS for machines of their own has a new certificate')
    }
  }
  const timer = settings.bridgeListen.length === 0 ? undefined : setInterval(() => void look(), LOOK_EVERY_MS).unref()
  return {
    look,
    sourceFor: (host) => ({
      context: () => contextOf(pairs.get(host.includes(':') ? `[${host}]` : host)),
      staple: () => undefined,
      follow: (listener) => {
        followers.add(listener)
        return () => followers.delete(listener)
      },
    }),
    close: () => clearInterval(timer),
  }
}

function contextOf(pair: OwnPair | undefined) {
  if (pair === undefined) return NO_CERTIFICATE
  return { ...NO_CERTIFICATE, cert: Buffer.from(pair.cert), key: Buffer.from(pair.key) }
}
