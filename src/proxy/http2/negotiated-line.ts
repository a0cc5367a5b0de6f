// A line to a service by TLS, of which it is not known beforehand whether it speaks HTTP/2 (RFC 7301). The first connection
// says so. Its invariant: no request goes out before that is known, and none twice.
import type { Socket } from 'node:net'
import type { buildConnector, Dispatcher } from 'undici'
import type { DialledRequest } from '../dial.ts'
import { Exchange } from './exchange.ts'
import { UpstreamSession } from './upstream-session.ts'

/** Requests go out on it. */
export interface Line {
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
  /** No further request goes out; those under way may end. */
  close(): Promise<void>
  destroy(error: Error): Promise<void>
  readonly stats: { readonly size: number }
  readonly closed: boolean
  readonly destroyed: boolean
}

export interface NegotiatedOptions {
  readonly authority: string
  /** Opens a connection that offers both. */
  readonly connect: buildConnector.connector
  /** For a service that speaks HTTP/1.1 alone: its connections, of which the first stands. */
  readonly plain: (first: Socket) => Line
  readonly onUnreachable: () => void
}

/** Each takes a hundred streams and more with nearly every service. */
const MOST_SESSIONS = 8

export class NegotiatedLine implements Line {
  readonly #options: NegotiatedOptions
  #plain: Line | undefined
  readonly #sessions = new Set<UpstreamSession>()
  readonly #waiting: Exchange[] = []
  #dialling = false
  #closed = false
  #destroyed = false

  constructor(options: NegotiatedOptions) {
    this.#options = options
  }

  get stats(): { readonly size: number } {
    let size = this.#waiting.length + (this.#plain?.stats.size ?? 0)
    for (const { open } of this.#sessions) size += open
    return { size }
  }

  get closed(): boolean {
    return this.#closed
  }

  get destroyed(): boolean {
    return this.#destroyed
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (this.#plain !== undefined) return this.#plain.dispatch(request, handler)
    const exchange = new Exchange(request as unknown as DialledRequest, handler)
    const session = this.#waiting.length === 0 ? this.#withRoom() : undefined
    if (session !== undefined) session.run(exchange)
    else {
      this.#waiting.push(exchange)
      this.#dial()
    }
    return true
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#plain?.close()
    if (this.#waiting.length === 0) for (const session of this.#sessions) session.close()
  }

  async destroy(error: Error): Promise<void> {
    this.#destroyed = true
    this.#failWaiting(error)
    for (const session of this.#sessions) session.destroy(error)
    await this.#plain?.destroy(error)
  }

  #withRoom(): UpstreamSession | undefined {
    for (const session of this.#sessions) if (session.hasRoom) return session
    return undefined
  }

  /** Gives those that wait to whatever has room. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      const session = this.#withRoom()
      if (session === undefined) {
        this.#dial()
        return
      }
      session.run(this.#waiting.shift() as Exchange)
    }
    if (this.#closed) for (const session of this.#sessions) session.close()
  }

  /** How many take streams, now or later. */
  get #taking(): number {
    let count = 0
    for (const { leaving } of this.#sessions) if (!leaving) count += 1
    return count
  }

  /** Not while one is about to say how many it takes: it may be enough. */
  #dial(): void {
    if (this.#dialling || this.#taking >= MOST_SESSIONS) return
    for (const { isNew } of this.#sessions) if (isNew) return
    this.#dialling = true
    this.#options.connect(unused, (error, socket) => {
      this.#dialling = false
      if (error !== null) this.#unreachable(error)
      else if (this.#destroyed) socket.destroy()
      else if ((socket as { alpnProtocol?: unknown }).alpnProtocol === 'h2') this.#speaks2(socket)
      else this.#speaks1(socket)
    })
  }

  #unreachable(error: Error): void {
    this.#options.onUnreachable()
    // Where others stand, those that wait have their turn there.
    if (this.#taking === 0) this.#failWaiting(error)
  }

  #speaks2(socket: Socket): void {
    const session = new UpstreamSession(socket, this.#options.authority, {
      onRoom: () => this.#serve(),
      onLeave: () => this.#serve(),
      onEnd: () => void this.#sessions.delete(session),
    })
    this.#sessions.add(session)
    this.#serve()
  }

  #speaks1(socket: Socket): void {
    const plain = this.#options.plain(socket)
    this.#plain = plain
    for (const { request, handler } of this.#waiting.splice(0))
      plain.dispatch(request as Dispatcher.DispatchOptions, handler)
    if (this.#closed) plain.close().catch(() => {})
  }

  #failWaiting(error: Error): void {
    for (const exchange of this.#waiting.splice(0)) exchange.fail(error)
  }
}

/** What the connector is for it knows by itself. */
const unused = {} as buildConnector.Options
