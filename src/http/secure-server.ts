// The TLS side of a listener: which versions, what is presented, and how many handshakes may be under way.
// Invariant: nothing of HTTP is read before the handshake is whole; a handshake has ten seconds.
import type { Server, ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import { noteCarrier } from './reset-connection.ts'
import type { TlsContext } from './tls-material.ts'

/** Where a server has its certificate from. It may change while the server runs. */
export interface TlsSource {
  context(): TlsContext | typeof NO_CERTIFICATE
  /** The OCSP response to staple now. */
  staple(): Buffer | undefined
  /** Calls `listener` when `context()` has changed; returns what ends that. */
  follow(listener: () => void): () => void
}

/** Nobody is answered yet. */
export const NO_CERTIFICATE = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const

/** RFC 6797, one year; the contract of the ClawAuth door says so. */
export const STRICT_TRANSPORT = 'max-age=31536000'

const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_HANDSHAKES = 512

export interface SecureServer {
  readonly server: Server
  /** Ends the handshakes under way, and follows the source no longer. */
  stop(): void
}

export interface SecureOptions {
  readonly source: TlsSource
  /** For tests that cannot wait; milliseconds. */
  readonly handshakeTimeoutMs?: number
  readonly maxHandshakes?: number
}

/** Makes the server. A new certificate is for new connections: those that are open go on with theirs. */
export function secureServer(http: ServerOptions, options: SecureOptions): SecureServer {
  // Loaded by whoever serves TLS: see listen.ts.
  const { createServer } = process.getBuiltinModule('node:https')
  const { source, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS, maxHandshakes = MAX_HANDSHAKES } = options
  const tls = { ...source.context(), ALPNProtocols: ['http/1.1'], handshakeTimeout: handshakeTimeoutMs }
  const server = createServer({ ...http, ...tls })
  const end = source.follow(() => server.setSecureContext(source.context()))
  server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, source.staple() as Buffer))
  // Its own listener would hand the broken handshake to those who answer in HTTP.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  const handshakes = countHandshakes(server, maxHandshakes)
  return {
    server,
    stop: () => {
      end()
      for (const socket of handshakes.values()) socket.destroy()
    },
  }
}

/**
 * The handshakes under way, by the client's address and port. One more than `most` ends the oldest of them: an honest one
 * is over in the time of two journeys, so the oldest are those of somebody who only wants to take the place.
 */
function countHandshakes(server: Server, most: number): ReadonlyMap<string, Socket> {
  const pending = new Map<string, Socket>()
  server.prependListener('connection', (socket: Socket) => {
    const name = nameOf(socket)
    const [oldest] = pending.size < most ? [] : pending
    if (oldest !== undefined) {
      pending.delete(oldest[0])
      oldest[1].destroy()
    }
    pending.set(name, socket)
    socket.once('close', () => {
      if (pending.get(name) === socket) pending.delete(name)
    })
  })
  server.on('secureConnection', (socket) => {
    const name = nameOf(socket)
    const carrier = pending.get(name)
    if (carrier !== undefined) noteCarrier(socket, carrier)
    pending.delete(name)
  })
  return pending
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
