// Speaks TLS to the client of a tunnel, as the host that the tunnel is to, and reads HTTP inside. Its invariant: a client
// that names another host in its handshake, or speaks anything but TLS, is cut before a request of it is read.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { notePeer } from '../../http/client-address.ts'
import { httpOptions, parseProblem } from '../../http/listen.ts'
import { noteCarrier } from '../../http/reset-connection.ts'
import { rawProblem } from '../../http/send-problem.ts'
import { Upgrades } from '../../http/upgrades.ts'
import { beginsTls, firstBytes } from './first-bytes.ts'
import { type InnerEvents, innerSessions } from './http2/inner-sessions.ts'
import type { Tunnel } from './tunnels.ts'

export interface InnerHandles extends InnerEvents {
  /** A request in HTTP/1.1. */
  readonly plain: (request: IncomingMessage, response: ServerResponse, rid: string, tunnel: Tunnel) => void
}

export interface Interceptor {
  /** Tells the client that its tunnel is open, and takes it over. `head`: what it sent already. */
  take(tunnel: Tunnel, context: SecureContext, head: Buffer): void
  close(graceMs: number): void
}

const HANDSHAKE_TIMEOUT_MS = 10_000
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n'

export function interceptor(nextRid: () => string, handles: InnerHandles): Interceptor {
  const tunnels = new WeakMap<Socket, Tunnel>()
  const sessions = innerSessions(handles)
  const upgrades = new Upgrades()
  const server = innerServer(nextRid, upgrades, (request, response) => {
    const tunnel = tunnels.get(request.socket)
    if (tunnel === undefined) request.socket.destroy()
    else handles.plain(request, response, nextRid(), tunnel)
  })
  const begin = (tunnel: Tunnel, context: SecureContext) => {
    const secure = secured(tunnel.socket, context, bare(tunnel.origin.host))
    tunnels.set(secure, tunnel)
    noteCarrier(secure, tunnel.socket)
    notePeer(secure, 'tcp')
    secure.once('secure', () => {
      if (secure.destroyed) return
      if (secure.alpnProtocol === 'h2') sessions.take(secure, tunnel)
      else server.emit('connection', secure)
    })
  }
  return {
    take: (tunnel, context, head) => {
      const { socket } = tunnel
      if (socket.destroyed) return
      socket.write(ESTABLISHED)
      firstBytes(socket, head, (bytes) => {
        if (beginsTls(bytes)) begin(tunnel, context)
        else socket.destroy()
      })
    },
    close: (graceMs) => {
      sessions.close(graceMs)
      closeServer(server, upgrades, graceMs)
    },
  }
}

function closeServer(server: Server, upgrades: Upgrades, graceMs: number): void {
  server.closeIdleConnections()
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const timer = setTimeout(() => {
    clearInterval(sweep)
    server.closeAllConnections()
    upgrades.cutAll()
  }, graceMs)
  sweep.unref()
  timer.unref()
}

/** The client's side of the tunnel, which has ten seconds for its handshake. */
function secured(socket: Socket, context: SecureContext, host: string): TLSSocket {
  const named = isIP(host) === 0
  const secure = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ['h2', 'http/1.1'],
    SNICallback: (name, answer) => {
      if (name.toLowerCase() === host) answer(null, context)
      else answer(new Error('the handshake names another host than CONNECT'))
    },
  })
  const timer = setTimeout(() => socket.destroy(), HANDSHAKE_TIMEOUT_MS)
  const cut = () => {
    clearTimeout(timer)
    secure.destroy()
    socket.destroy()
  }
  secure.on('error', cut)
  socket.once('close', cut)
  // The listener keeps half-open connections; one whose client left amid the handshake is over.
  secure.once('end', cut)
  secure.once('secure', () => {
    clearTimeout(timer)
    secure.off('end', cut)
    // A client that names nobody cannot be told apart from one that means another; an address has no name.
    if (named && secure.servername !== host) cut()
  })
  return secure
}

const bare = (host: string) => host.replace(/^\[(.*)\]$/, '$1')

function innerServer(
  nextRid: () => string,
  upgrades: Upgrades,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  /** On these an answer of ours would stand in the middle of another. */
  const asked = new WeakSet<Socket>()
  // Not imported: see listen.ts.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer(httpOptions)
  server.maxHeadersCount = 0
  server.on('request', (request, response) => {
    asked.add(request.socket)
    onRequest(request, response)
  })
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('upgrade', (request, socket, head) => upgrades.take(request, socket as Socket, head, onRequest))
  server.on('connect', (_request, socket) => socket.destroy())
  server.on('clientError', (error, socket) => {
    if (socket.writable && !asked.has(socket as Socket)) {
      socket.end(rawProblem(parseProblem(error), nextRid()), () => (socket as Socket).destroySoon())
    } else socket.destroy()
  })
  return server
}
