// Who is at the other end of a request: the peer of the connection, or, where that is a proxy that we were told to
// trust, the client that it names. Its invariant: what anybody else says about addresses is not read at all.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { addressText, setHolds } from '../ground/address-text.ts'
import type { AddressSet } from '../ground/addresses.ts'
import { type Hop, readForwarded } from './forwarded.ts'

export interface Client {
  /**
   * In the one spelling of ground/address-text.ts; `unix` on a Unix socket; `0.0.0.0` where nobody knows. A loopback
   * address stands here only if `loopback` is true, so that whoever looks at the address alone goes as safe.
   */
  readonly address: string
  /** It came over TLS: to us, or to a trusted proxy that says so. */
  readonly secure: boolean
  /** It never left this machine, and no proxy stands between: a loopback address or a Unix socket. */
  readonly loopback: boolean
  readonly unixSocket: boolean
  /** Id of the token for which alone the Unix socket was opened. */
  readonly socketOf?: string | undefined
  /** It came to an address of a bridge, which others than the one agent may reach. */
  readonly atBridge?: boolean | undefined
}

export type ClientOf = (request: IncomingMessage) => Client

/** How a listener takes connections. */
export type PeerKind = 'tcp' | 'tls' | 'unix'

const UNIX: Client = { address: 'unix', secure: false, loopback: true, unixSocket: true }
/** The peer is gone already, or a proxy on this machine names nobody beyond it. */
const UNKNOWN = '0.0.0.0'

/** Noted when the connection comes: a socket that was closed has forgotten its peer. */
const peers = new WeakMap<Socket, Client>()

/** Every listener calls this for each of its connections, before the first request. */
export function notePeer(socket: Socket, kind: PeerKind, place?: Pick<Client, 'socketOf' | 'atBridge'>): void {
  const peer = peerOf(socket, kind)
  peers.set(socket, place === undefined ? peer : { ...peer, ...place })
}

/** Of requests inside tunnels: who opened those. */
const carried = new WeakMap<IncomingMessage, Client>()

/** What a request inside a tunnel says of addresses is its client's word: it comes from where the tunnel does. */
export function noteCarried(request: IncomingMessage, client: Client): void {
  carried.set(request, client)
}

function peerOf(socket: Socket, kind: PeerKind): Client {
  if (kind === 'unix') return UNIX
  const zone = socket.remoteAddress?.indexOf('%') ?? -1
  const text = zone === -1 ? socket.remoteAddress : socket.remoteAddress?.slice(0, zone)
  const address = addressText(text ?? '') ?? UNKNOWN
  return { address, secure: kind === 'tls', loopback: isLoopbackAddress(address), unixSocket: false }
}

/** 127.0.0.0/8 or ::1, in the one spelling. */
function isLoopbackAddress(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}

/**
 * Makes the one function that says who a request comes from. Of a proxy in `trusted` the rightmost hop that is not
 * trusted itself is taken; where its headers are doubled, malformed or of two minds, the proxy's own address, as plain
 * HTTP. A client that came through a proxy is never `loopback`, whatever is said of it.
 */
export function clientAddresses(trusted: AddressSet): ClientOf {
  return (request) => {
    const inside = carried.get(request)
    if (inside !== undefined) return inside
    const { socket } = request
    const peer = peers.get(socket) ?? peerOf(socket, 'encrypted' in socket ? 'tls' : 'tcp')
    if (peer.unixSocket || trusted.ranges.length === 0 || !setHolds(trusted, peer.address)) return peer
    const forwarded = readForwarded(request.rawHeaders)
    if (forwarded === 'none') return peer
    const own = { address: undefined, secure: false }
    if (forwarded === 'unclear') return behind(peer, own)
    const [one, other] = forwarded.map((hops) => clientHop(hops, trusted))
    return behind(peer, one === undefined || (other !== undefined && !agree(one, other)) ? own : one)
  }
}

function behind(proxy: Client, { address = proxy.address, secure }: Hop): Client {
  const known = isLoopbackAddress(address) ? UNKNOWN : address
  const { atBridge } = proxy
  const bridge = atBridge === undefined ? undefined : { atBridge }
  return { address: known, secure: secure === true, loopback: false, unixSocket: false, ...bridge }
}

/** The hop nearest to us that is not a trusted proxy; the first of all where every one is. */
function clientHop(hops: readonly Hop[], trusted: AddressSet): Hop | undefined {
  const client = hops.findLast(({ address }) => address === undefined || !setHolds(trusted, address))
  return client ?? hops[0]
}

function agree(one: Hop, other: Hop): boolean {
  return one.address === other.address && one.secure === other.secure
}
