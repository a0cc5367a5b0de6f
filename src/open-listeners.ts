// Opens every listener there is, or none.
import type { IncomingMessage } from 'node:http'
import { type CarryingDoor, mayCross } from './house/carrying-doors.ts'
import { hostNames } from './http/check-head.ts'
import { type Handle, type Listener, type ListenerOptions, listenTcp, listenUnix } from './http/listen.ts'
import { httpProblem } from './http/problems.ts'
import type { TlsSource } from './http/secure-server.ts'
import { sendProblem } from './http/send-problem.ts'
import { type Place, placeText } from './listen-places.ts'
import { noteBound, takeBoundToken } from './proxy/bound-caller.ts'
import type { Settings } from './settings.ts'

interface Opening {
  readonly place: Place
  readonly handle: Handle
  /** The `Host` values that are answered there, by its port. */
  readonly hosts: (port: number) => ReadonlySet<string>
  readonly tls?: ListenerOptions['tls']
  readonly mayCross?: ListenerOptions['mayCross']
  readonly proxy?: ListenerOptions['proxy']
  readonly peers?: ListenerOptions['peers']
  readonly mayUpgrade?: ListenerOptions['mayUpgrade']
}

/** In the order given, then `others`. Rejects with Node's error for the first that cannot be opened, after closing the others. */
export async function openListeners(
  openings: readonly Opening[],
  nextRid: () => string,
  others: () => Promise<Listener[]> = async () => [],
): Promise<Listener[]> {
  const open: Listener[] = []
  try {
    for (const { place, handle, hosts, tls, proxy, mayUpgrade, peers, mayCross: crossing } of openings) {
      const all = { nextRid, handle, mayUpgrade, peers }
      if ('path' in place) open.push(await listenUnix({ ...all, hosts: undefined }, place.path))
      else open.push(await listenTcp({ ...all, hosts, tls, proxy, mayCross: crossing }, place.host, place.port))
    }
    return [...open, ...(await others())]
  } catch (error) {
    await Promise.all(open.map((listener) => listener.close(0)))
    throw error
  }
}

interface Ways {
  readonly agents: Handle
  readonly doors: readonly CarryingDoor[]
  readonly proxy: ListenerOptions['proxy']
}

/** What is listened to, the agents' listener first. What can be reached from elsewhere speaks TLS. */
export function openingsOf(
  { host, port, agentListen, bridgeListen, allowedHosts }: Settings,
  { agents, doors, proxy }: Ways,
  hosts: Opening['hosts'],
  tls: Opening['tls'],
  bridgeTls: (host: string) => TlsSource,
): readonly Opening[] {
  return [
    {
      ...{ place: { host, port }, handle: agents, hosts, tls, proxy, mayUpgrade: isToService },
      mayCross: (request) => mayCross(doors, request),
    },
    ...doors.flatMap((door) => {
      const { place, handle } = door
      if (place === undefined) return []
      return [
        { place, handle: byUrl(handle), hosts, mayCross: (request: IncomingMessage) => mayCross([door], request) },
      ]
    }),
    ...bridgeListen.map((place) => ({
      ...{ place, handle: agents, proxy, mayUpgrade: isToService, peers: { atBridge: true } },
      ...{
        hosts: (at: number) => hostNames(place.host, at, allowedHosts, 443),
        tls: { source: bridgeTls(place.host) },
      },
    })),
    ...agentListen.map(({ agent, place }) => {
      const handle = boundTo(agent, placeText(place), agents)
      return { place, handle, hosts, mayUpgrade: isToService }
    }),
  ]
}

/** Where WebSockets are carried: base URLs, with a token in them or without. */
const isToService = (url: string) => /^(?:\/a\/[^/?]+)?\/to\//.test(url)

/** A token in the base URL, as at the agents' listener. */
function byUrl(handle: Handle): Handle {
  return (request, response, rid) => {
    takeBoundToken(request)
    handle(request, response, rid)
  }
}

/** What comes to a listener that is one agent's own. No web page may: the address is all it would have to know. */
function boundTo(agent: string, listener: string, handle: Handle): Handle {
  return (request, response, rid) => {
    const { origin, 'sec-fetch-site': site } = request.headers
    if (origin !== undefined || site !== undefined) {
      sendProblem(response, httpProblem('cross_site_refused'), rid)
      return
    }
    noteBound(request, { token: '', agent, listener })
    handle(request, response, rid)
  }
}
