// Further places to listen at, besides the agents' listener: one that a door has to itself, one that is an agent's own.
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { setting } from './setting-shapes.ts'

/** A loopback address and port, or a Unix socket. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string }

/** A listener that is one agent's own: whoever comes there is that agent. */
export interface AgentPlace {
  /** Name or id. */
  readonly agent: string
  readonly place: Place
}

/** An address of a bridge to machines of their own. */
export interface BridgePlace {
  readonly host: string
  readonly port: number
}

const WANTED = '127.0.0.1:8787, [::1]:8787 or unix:/path is wanted, on this machine alone'
const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/

/** None that anybody beyond this machine could reach: who comes from there goes to the agents’ listener, which has TLS. */
function placeOf(text: string): Place | undefined {
  if (/^unix:[^\0]{1,107}$/.test(text)) return { path: resolve(text.slice('unix:'.length)) }
  const [, six, four, digits = ''] = ADDRESS.exec(text) ?? []
  const [host = '', port] = [six ?? four, Number(digits)]
  const here = isIP(host) !== 0 && (host.startsWith('127.') || host === '::1')
  return here && port <= 65_535 ? { host, port } : undefined
}

export function placeText(place: Place): string {
  if ('path' in place) return `unix:${place.path}`
  return place.host.includes(':') ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`
}

const agentPlaces = () =>
  z.string().transform((text, context): readonly AgentPlace[] => {
    const items = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
    return items.map((item) => {
      const at = item.indexOf('=')
      const [agent, place] = [item.slice(0, at), placeOf(item.slice(at + 1))]
      if (at > 0 && place !== undefined) return { agent, place }
      context.addIssue(`${item}: <agent>=127.0.0.1:8788 or <agent>=unix:/path is wanted, on this machine alone`)
      return z.NEVER
    })
  })

/** Where a door listens by itself; undefined for nowhere. */
const doorPlace = () =>
  z.string().transform((text, context): Place | undefined => {
    const place = text === '' ? undefined : placeOf(text)
    if (text !== '' && place === undefined) context.addIssue(WANTED)
    return place
  })

/** Addresses by themselves: which ones are reached must be said. */
const bridgePlaces = () =>
  z.string().transform((text, context): readonly BridgePlace[] => {
    const items = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
    return items.map((item) => {
      const [, six, four, digits = ''] = ADDRESS.exec(item) ?? []
      const [host = '', port] = [six ?? four, Number(digits)]
      if (isIP(host) !== 0 && !/^[0:.]+$/.test(host) && port > 0 && port <= 65_535) return { host, port }
      context.addIssue(`${item}: an address of this machine with a port is wanted, such as 10.75.0.1:4443`)
      return z.NEVER
    })
  })

export const listenSettings = {
  bridgeListen: setting(bridgePlaces(), {
    env: 'CLAVIGER_BRIDGE_LISTEN',
    fallback: '',
    doc: 'Further addresses for agents in virtual machines and containers, by commas: `10.75.0.1:4443`. Always TLS, with a certificate of the local authority; only tokens that are bound to an address (`token issue --from`) are taken there.',
  }),
  clauthListen: setting(doorPlace(), {
    env: 'CLAVIGER_CLAUTH_LISTEN',
    fallback: '',
    doc: 'Where the Clauth door also listens by itself: `127.0.0.1:4317` or `unix:/path`. The agents’ listener serves it in any case.',
  }),
  vaultListen: setting(doorPlace(), {
    env: 'CLAVIGER_VAULT_LISTEN',
    fallback: '',
    doc: 'Where the door for agentic-credential-vault also listens by itself: `127.0.0.1:8787` or `unix:/path`. The agents’ listener serves it in any case.',
  }),
  clawgateListen: setting(doorPlace(), {
    env: 'CLAVIGER_CLAWGATE_LISTEN',
    fallback: '',
    doc: 'Where the ClawGate door also listens by itself: `127.0.0.1:3000` or `unix:/path`. The agents’ listener serves it in any case.',
  }),
  botmakerListen: setting(doorPlace(), {
    env: 'CLAVIGER_BOTMAKER_LISTEN',
    fallback: '',
    doc: 'Where the LLM gateway also listens by itself: `127.0.0.1:9101` or `unix:/path`. The agents’ listener serves it in any case.',
  }),
  botmakerAdminListen: setting(doorPlace(), {
    env: 'CLAVIGER_BOTMAKER_ADMIN_LISTEN',
    fallback: '',
    doc: 'Where BotMaker’s administration listens (`/admin/…`): `127.0.0.1:9100` or `unix:/path`. It is nowhere else, and nowhere without this.',
  }),
  agentListen: setting(agentPlaces(), {
    env: 'CLAVIGER_AGENT_LISTEN',
    fallback: '',
    doc: 'Listeners that are one agent’s own, for clients that can send no credential: `<agent>=127.0.0.1:8788` or `<agent>=unix:/path`, by commas. Whoever reaches one is taken for that agent, so name none that others can reach.',
  }),
}
