import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import type { Clock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { createConnector } from '../http/connect.ts'
import { Pool } from '../http/undici.ts'
import { type Line, NegotiatedLine } from './http2/negotiated-line.ts'
import { proxyProblem } from './problems.ts'

/** What a set of connections is for. Two requests share a connection only if all of this is equal. */
export interface LineUse {
  readonly service: ServiceId
  readonly origin: Origin
  readonly address: string
  readonly credential: CredentialId | undefined
  readonly version: number | undefined
  readonly connectMs: number
  /** Whom to believe of the server instead of the system's authorities, PEM. */
  readonly trust?: readonly string[] | undefined
  /** Whether the service may be asked for HTTP/2, which it is by TLS alone. */
  readonly http2?: boolean | undefined
}

export interface LinesOptions {
  readonly clock: Clock
  readonly ca: readonly string[] | undefined
  readonly onDial: ((address: string, port: number) => void) | undefined
  readonly onReset: () => void
  /** The address did not take a connection. */
  readonly onUnreachable: (host: string, address: string) => void
}

interface Kept {
  readonly line: Line
  readonly use: LineUse
  usedAt: number
}

const IDLE_MS = 60_000
const SWEEP_MS = 15_000
const SOCKET_IDLE_MS = 15_000
const MAX_LINES = 4_096
const MAX_RESPONSE_HEAD = 64 * 1024

/** Kept connections to services, one line for each use; lines that nobody uses are closed. */
export class Lines {
  readonly #options: LinesOptions
  readonly #lines = new Map<string, Kept>()
  readonly #sweep: NodeJS.Timeout

  constructor(options: LinesOptions) {
    this.#options = options
    this.#sweep = setInterval(() => this.closeIdle(), SWEEP_MS)
    this.#sweep.unref()
  }

  get count(): number {
    return this.#lines.size
  }

  /** The line for this use. Opening one for a new version of a credential retires those of the older versions. */
  line(key: string, use: () => LineUse): Line {
    let kept = this.#lines.get(key)
    if (kept === undefined) {
      kept = this.#open(use())
      this.#lines.set(key, kept)
    }
    kept.usedAt = this.#options.clock.mono()
    return kept.line
  }

  /** No further request goes out on these; those under way may end. */
  closeWhere(matches: (use: LineUse) => boolean): void {
    this.#close(({ use }) => matches(use))
  }

  closeIdle(): void {
    const before = this.#options.clock.mono() - IDLE_MS
    this.#close(({ usedAt, line }) => usedAt < before && line.stats.size === 0)
  }

  cutAll(): void {
    for (const { line } of this.#lines.values())
      line.destroy(proxyProblem('call_ended', { facts: { reason: 'cut' } })).catch(ignore)
    this.#lines.clear()
  }

  stop(): void {
    clearInterval(this.#sweep)
    this.cutAll()
  }

  #open(use: LineUse): Kept {
    const { credential, version, origin, address } = use
    if (credential !== undefined) this.closeWhere((old) => old.credential === credential && old.version !== version)
    if (this.#lines.size >= MAX_LINES) this.#closeLongestIdle()
    if (origin.scheme !== 'https' || use.http2 !== true) return { line: this.#plain(use), use, usedAt: 0 }
    const line = new NegotiatedLine({
      authority: origin.port === 443 ? origin.host : `${origin.host}:${origin.port}`,
      connect: this.#connector(use, ['h2', 'http/1.1']),
      plain: (first) => this.#plain(use, first),
      onUnreachable: () => this.#options.onUnreachable(origin.host, address),
    })
    return { line, use, usedAt: 0 }
  }

  /** HTTP/1.1 alone. `first`: a connection that stands already. */
  #plain(use: LineUse, first?: Socket): Pool {
    const { origin, address } = use
    const pool = new Pool(origin.href, {
      connect: startingWith(first, this.#connector(use, undefined)),
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: SOCKET_IDLE_MS,
      maxHeaderSize: MAX_RESPONSE_HEAD,
      // Silence is judged where the request's body and slow readers are known as well.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    pool.on('connectionError', () => this.#options.onUnreachable(origin.host, address))
    return pool
  }

  #connector({ origin, address, connectMs, trust }: LineUse, protocols: readonly string[] | undefined) {
    const { ca, onDial, onReset } = this.#options
    const secure = origin.scheme === 'https'
    const where = { address, host: origin.host, port: origin.port, secure, timeoutMs: connectMs }
    return createConnector({ ...where, ca: trust ?? ca, protocols, onDial, onReset })
  }

  #closeLongestIdle(): void {
    let oldest: Kept | undefined
    for (const kept of this.#lines.values()) {
      if (kept.line.stats.size === 0 && (oldest === undefined || kept.usedAt < oldest.usedAt)) oldest = kept
    }
    this.#close((kept) => kept === oldest)
  }

  #close(matches: (kept: Kept) => boolean): void {
    for (const [key, kept] of this.#lines) {
      if (!matches(kept)) continue
      this.#lines.delete(key)
      kept.line.close().catch(ignore)
    }
  }
}

/** Gives out `first`, once, if it still stands. */
function startingWith(first: Socket | undefined, connect: buildConnector.connector): buildConnector.connector {
  let ready = first
  if (first === undefined) return connect
  return (wanted, callback) => {
    const socket = ready
    ready = undefined
    if (socket === undefined || socket.destroyed) connect(wanted, callback)
    else queueMicrotask(() => callback(null, socket))
  }
}

function ignore(): void {}
