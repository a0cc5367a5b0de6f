import { isIP, type Socket, connect as tcpConnect } from 'node:net'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import type { buildConnector } from 'undici'
import { outliveWrites } from './outlive-writes.ts'

export interface ConnectOptions {
  /** The judged address: dialled as it is, so that no second lookup can answer differently. */
  readonly address: string
  /** The name on the certificate and in SNI; IPv6 in brackets. */
  readonly host: string
  readonly port: number
  readonly secure: boolean
  /** For the connection to stand, TLS included. Milliseconds. */
  readonly timeoutMs: number
  /** Certificates to trust beside the system's own, PEM. */
  readonly ca?: readonly string[] | undefined
  /** Protocols to offer in the handshake, the first most wanted (RFC 7301); HTTP/1.1 alone if left out. */
  readonly protocols?: readonly string[] | undefined
  /** Hears of every attempt, before anything is sent. */
  readonly onDial?: ((address: string, port: number) => void) | undefined
  /** Hears that the peer cut a connection with RST, before the connection's own user does. */
  readonly onReset?: (() => void) | undefined
}

/** The code of the error when `timeoutMs` ran out. */
export const CONNECT_TIMEOUT = 'CLAVIGER_CONNECT_TIMEOUT'

/**
 * How undici opens a connection here: to one address, for one host, the certificate always verified.
 * TLS sessions are resumed only among the connections of the same connector.
 */
export function createConnector(options: ConnectOptions): buildConnector.connector {
  let session: Buffer | undefined
  return (_wanted, callback) => {
    options.onDial?.(options.address, options.port)
    const socket = options.secure ? dialTls(options, session) : dialTcp(options)
    readOnDemand(socket)
    if (options.secure) socket.on('session', (ticket: Buffer) => (session = ticket))
    outliveWrites(socket, () => options.onReset?.())
    socket.setNoDelay(true).setKeepAlive(true, 60_000)
    let waiting: buildConnector.Callback | undefined = callback
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('connect timeout'), { code: CONNECT_TIMEOUT }))
    }, options.timeoutMs)
    const settle = (error: Error | null) => {
      clearTimeout(timer)
      const answer = waiting
      waiting = undefined
      if (error === null) answer?.(null, socket)
      else answer?.(error, null)
    }
    socket.once(options.secure ? 'secureConnect' : 'connect', () => settle(null))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (waiting === undefined && error.code === 'ECONNRESET') options.onReset?.()
      settle(error)
    })
    socket.once('close', () => settle(new Error('closed before it stood')))
  }
}

/**
 * Nothing is read ahead of whoever wants it: else 64 KiB and more lie here for each caller that is slower than the service. node:net
 * takes this as an option; node:tls only together with the same for what is written, which would wait for every write.
 */
function readOnDemand(socket: Socket): void {
  const { _readableState: state } = socket as unknown as { readonly _readableState: object }
  Object.assign(state, { highWaterMark: 0 })
}

function dialTcp({ address, port }: ConnectOptions): Socket {
  return tcpConnect({ host: address, port })
}

function dialTls({ address, port, host, ca, protocols }: ConnectOptions, session: Buffer | undefined): TLSSocket {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  return tlsConnect({
    host: address,
    port,
    // RFC 6066 §3: no address in SNI; then the certificate is compared with the address itself.
    ...(isIP(bare) === 0 && { servername: bare }),
    ...(session !== undefined && { session }),
    ...(ca !== undefined && { ca: [...ca] }),
    ALPNProtocols: protocols === undefined ? ['http/1.1'] : [...protocols],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  })
}
