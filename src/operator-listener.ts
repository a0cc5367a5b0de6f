// The operators' listener: their pages and their API for browsers. On this machine alone, unless it has a certificate of its
// own; behind a reverse proxy it is reached by the public address. No agent's token opens anything there.
import type { FastifyInstance } from 'fastify'
import { control } from './front-door.ts'
import type { Log } from './ground/log.ts'
import { type Handle, type Listener, type ListenerOptions, listenTcp } from './http/listen.ts'
import { httpProblem } from './http/problems.ts'
import { sendProblem } from './http/send-problem.ts'
import { operatorHosts, operatorParties, wantedOperatorPort } from './operator-address.ts'
import { OPERATOR_HEADERS, operatorPages } from './operator-pages.ts'
import type { Rooms } from './rooms.ts'
import { isLoopback, type Settings } from './settings.ts'

export interface OperatorListenerNeeds {
  readonly rooms: Rooms
  readonly settings: Settings
  readonly log: Log
  readonly plane: FastifyInstance
  readonly tls: ListenerOptions['tls']
}

/** None where it is switched off, or where the port that nobody asked for by number is taken. Sets `rooms.operatorPort`. */
export async function openOperators(needs: OperatorListenerNeeds): Promise<Listener[]> {
  const { settings, log, rooms } = needs
  const wanted = wantedOperatorPort(settings)
  if (wanted === undefined) return []
  try {
    const listeners = await listenOn(needs, wanted)
    rooms.operatorPort = listeners[0]?.port
    return listeners
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (settings.operatorPort !== undefined || (code !== 'EADDRINUSE' && code !== 'EACCES')) throw error
    log.warn({ port: wanted }, 'no operators’ pages: the port is taken; choose another with CLAVIGER_OPERATOR_PORT')
    return []
  }
}

/** `localhost` is both addresses, and browsers choose: whoever else had one of them would be taken for us. */
async function listenOn(needs: OperatorListenerNeeds, port: number): Promise<Listener[]> {
  const { host, tlsCert } = needs.settings
  const options = optionsOf(needs)
  if (tlsCert !== undefined && !isLoopback(host)) return [await listenTcp(options, host, port)]
  const four = await listenTcp(options, '127.0.0.1', port)
  try {
    return [four, await listenTcp(options, '::1', four.port)]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return [four]
    await four.close(0)
    // A free port of one family may be taken in the other: then another one.
    if (port === 0 && code === 'EADDRINUSE') return listenOn(needs, 0)
    throw error
  }
}

function optionsOf({ rooms, settings, plane, tls }: OperatorListenerNeeds): ListenerOptions {
  return {
    nextRid: rooms.nextRid,
    hosts: (port) => operatorHosts(operatorParties(settings, port), port),
    tls,
    headers: OPERATOR_HEADERS,
    isPage: (url) => !isApi(url),
    handle: operatorDoor(rooms, plane, operatorPages()),
  }
}

/** Everything else is a page, or not there. */
function isApi(url: string): boolean {
  return /^\/(?:claviger\/|\.well-known\/|docs\/|health(?:[?]|$))/.test(url)
}

function operatorDoor(rooms: Rooms, plane: FastifyInstance, pages: Handle): Handle {
  return (request, response, rid) => {
    const [url, host] = [request.url as string, (request.headers.host ?? '').toLowerCase()]
    const here = hereOf(host)
    // By its public name it is reached through TLS, ours or that of a proxy that says so.
    if (here === undefined && !rooms.clientOf(request).secure)
      return sendProblem(response, httpProblem('https_required'), rid)
    if (isApi(url)) return control(plane, request, response)
    if (here === 'address' && request.method === 'GET') {
      // Passkeys want a name; the part behind `#` goes along by itself.
      const port = host.slice(host.lastIndexOf(':'))
      response
        .writeHead(307, { location: `${schemeOf(rooms, request)}://localhost${port}${url}`, 'content-length': 0 })
        .end()
      return
    }
    pages(request, response, rid)
  }
}

const schemeOf = (rooms: Rooms, request: Parameters<Handle>[0]) => (rooms.clientOf(request).secure ? 'https' : 'http')

function hereOf(host: string): 'address' | 'name' | undefined {
  if (/^(?:127\.0\.0\.1|\[::1\])(?::|$)/.test(host)) return 'address'
  return /^localhost(?::|$)/.test(host) ? 'name' : undefined
}
