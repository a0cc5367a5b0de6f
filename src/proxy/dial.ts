// The one place where a request of an agent leaves for a service. Its invariant: every request goes out on a permit of
// its own, over a connection that belongs to one (service, credential version, origin, judged address).
// It refuses a permit it has seen, a credential or service that is not the permit's, and ports of other protocols.
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { AddressSet } from '../ground/addresses.ts'
import { isBadPort } from '../ground/bad-ports.ts'
import { type Clock, systemClock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { type ConnectOptions, createConnector } from '../http/connect.ts'
import { type Resolver, resolveProblem } from '../http/resolve.ts'
import type { Permit } from '../policy/permit.ts'
import { Lines } from './lines.ts'
import { upstreamProblem } from './upstream-error.ts'

const TUNNEL_CONNECT_MS = 5_000

/** What the dialer needs to know of a service. Times in milliseconds. */
export interface DialledService {
  readonly id: ServiceId
  readonly allowed: AddressSet | undefined
  readonly trust?: readonly string[] | undefined
  /** Whether it may be spoken to in HTTP/2, where it offers that. */
  readonly http2?: boolean
  readonly timeouts: { readonly connectMs: number }
}

export interface DialledCredential {
  readonly id: CredentialId
  readonly version: number
}

/** `headers` are names and values by turns, without `Host`: that is made from the permit's origin. */
export interface DialledRequest {
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly body: Readable | Buffer | null
  /** Whether the caller takes trailers. HTTP/2 can say that to the service; nothing else needs it. */
  readonly trailers?: boolean
  /**
   * Of a body that streams: the fields behind it, names in lower case and values by turns, asked for when it has ended. HTTP/2 can
   * send them; nothing else does. May throw a Problem: then the request does not end.
   */
  readonly fieldsBehind?: (() => readonly string[]) | undefined
  /** Asks the service to switch protocols on a connection of HTTP/1.1 (RFC 9110 §7.8). */
  readonly upgrade?: 'websocket' | undefined
}

export interface Dialer {
  /**
   * Sends the request once its connection stands; what fails from then on is told to `handler.onResponseError`.
   * Throws Problem `address_refused` or `upstream_dns_failed` where that is known at once.
   */
  dispatch(
    permit: Permit,
    credential: DialledCredential | undefined,
    service: DialledService,
    request: DialledRequest,
    handler: Dispatcher.DispatchHandler,
  ): void
  /**
   * A connection for a tunnel into which nobody looks, to a judged address. Rejects with Problem `address_refused`,
   * `upstream_dns_failed`, or as connecting does.
   */
  tunnel(permit: Permit, allowed: AddressSet | undefined): Promise<Socket>
  /** Whether a peer is cutting a connection with RST right now: true only inside the events that this causes. */
  isCutting(): boolean
  /** No further request goes out on connections of this credential; those under way may end. */
  closeCredential(id: CredentialId): void
  closeService(id: ServiceId): void
  /** Cuts every connection (sealing). The dialer can be used again afterwards. */
  cutAll(): void
  /** Cuts every connection, for good. */
  close(): void
}

export interface DialerOptions {
  readonly resolver: Resolver
  /** True once for each permit that the vault has taken. */
  readonly spend: (permit: Permit) => boolean
  readonly clock?: Clock
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: readonly string[]
  /** Hears of every connection attempt. */
  readonly onDial?: (address: string, port: number) => void
}

export function createDialer(options: DialerOptions): Dialer {
  return new PermitDialer(options)
}

class PermitDialer implements Dialer {
  readonly #resolver: Resolver
  readonly #lines: Lines
  readonly #spend: (permit: Permit) => boolean
  readonly #onDial: DialerOptions['onDial']
  #cutting = false

  constructor({ resolver, spend, clock, ca, onDial }: DialerOptions) {
    this.#spend = spend
    this.#onDial = onDial
    this.#resolver = resolver
    this.#lines = new Lines({
      clock: clock ?? systemClock,
      ca,
      onDial,
      onReset: () => this.#noteReset(),
      onUnreachable: (host, address) => resolver.failed(host, address),
    })
  }

  dispatch(
    permit: Permit,
    credential: DialledCredential | undefined,
    service: DialledService,
    request: DialledRequest,
    handler: Dispatcher.DispatchHandler,
  ): void {
    if (permit.call.service !== service.id) throw new TypeError('dial: the permit is for another service')
    if (permit.credential !== credential?.id) throw new TypeError('dial: the permit is for another credential')
    if (permit.call.method !== request.method) throw new TypeError('dial: the permit is for another method')
    if (!this.#spend(permit)) throw new TypeError('dial: this permit opened nothing, or was used before')
    const origin = permit.call.origin
    if (service.allowed === undefined && isBadPort(origin.port)) throw refusedPort(origin)
    const address = this.#resolver.address(origin.host, service.allowed)
    if (typeof address === 'string') {
      this.#send(address, origin, credential, service, request, handler)
      return
    }
    address
      .then((found) => this.#send(found, origin, credential, service, request, handler))
      .catch((error: Error) => handler.onResponseError?.(undefined as never, error))
  }

  async tunnel(permit: Permit, allowed: AddressSet | undefined): Promise<Socket> {
    const { origin, method } = permit.call
    if (method !== 'CONNECT' || permit.credential !== undefined) throw new TypeError('dial: no permit of a tunnel')
    if (!this.#spend(permit)) throw new TypeError('dial: this permit opened nothing, or was used before')
    if (allowed === undefined && isBadPort(origin.port)) throw refusedPort(origin)
    const address = await this.#resolver.address(origin.host, allowed)
    return dialTunnel({ address, host: origin.host, port: origin.port, onDial: this.#onDial })
  }

  isCutting(): boolean {
    return this.#cutting
  }

  closeCredential(id: CredentialId): void {
    this.#lines.closeWhere(({ credential }) => credential === id)
  }

  closeService(id: ServiceId): void {
    this.#lines.closeWhere(({ service }) => service === id)
  }

  cutAll(): void {
    this.#lines.cutAll()
  }

  close(): void {
    this.#lines.stop()
  }

  #send(
    address: string,
    origin: Origin,
    credential: DialledCredential | undefined,
    service: DialledService,
    request: DialledRequest,
    handler: Dispatcher.DispatchHandler,
  ): void {
    const tail = credential === undefined ? '' : ` ${credential.id} ${credential.version}`
    // HTTP/2 has no switching of protocols as this asks for it.
    const own = request.upgrade === undefined ? '' : ' upgrade'
    const line = this.#lines.line(`${service.id} ${address} ${origin.href}${tail}${own}`, () => ({
      service: service.id,
      origin,
      address,
      credential: credential?.id,
      version: credential?.version,
      connectMs: service.timeouts.connectMs,
      trust: service.trust,
      http2: request.upgrade === undefined ? service.http2 : false,
    }))
    line.dispatch(request as Dispatcher.DispatchOptions, handler)
  }

  #noteReset(): void {
    this.#cutting = true
    queueMicrotask(() => {
      this.#cutting = false
    })
  }
}

function dialTunnel(where: Pick<ConnectOptions, 'address' | 'host' | 'port' | 'onDial'>): Promise<Socket> {
  const connect = createConnector({ ...where, secure: false, timeoutMs: TUNNEL_CONNECT_MS })
  return new Promise((resolve, reject) => {
    connect({} as Parameters<typeof connect>[0], (error, socket) => {
      if (error === null) resolve(socket)
      else reject(upstreamProblem(error, false))
    })
  })
}

function refusedPort(origin: Origin) {
  const detail = `Port ${origin.port} belongs to another protocol.`
  return resolveProblem('address_refused', { detail, facts: { range: 'port' } })
}
