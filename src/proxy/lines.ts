import type { Clock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { createConnector } from '../http/connect.ts'
import { Pool } from '../http/undici.ts'
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
}

export interface LinesOptions {
  readonly clock: Clock
  readonly ca: readonly string[] | undefined
  readonly onDial: ((address: string, port: number) => void) | undefined
  readonly onReset: () => void
  /** The address did not take a connection. */
  readonly onUnreachable: (host: string, address: string) => void
}

interface Line {
  readonly pool: Pool
  readonly use: LineUse
  usedAt: number
}

const IDLE_MS = 60_000
const SWEEP_MS = 15_000
const SOCKET_IDLE_MS = 15_000
const MAX_LINES = 4_096
const MAX_RESPONSE_HEAD = 64 * 1024

/** Kept connections to services, one pool for each use; pools that nobody uses are closed. */
export class Lines {
  readonly #options: LinesOptions
  readonly #lines = new Map<string, Line>()
  readonly #sweep: NodeJS.Timeout

  constructor(options: LinesOptions) {
    this.#options = options
    this.#sweep = setInterval(() => this.closeIdle(), SWEEP_MS)
    this.#sweep.unref()
  }

  get count(): number {
    return this.#lines.size
  }

  /** The pool for this use. Opening one for a new version of a credential retires those of the older versions. */
  pool(key: string, use: () => LineUse): Pool {
    let line = this.#lines.get(key)
    if (line === undefined) {
      line = this.#open(use())
      this.#lines.set(key, line)
    }
    line.usedAt = this.#options.clock.mono()
    return line.pool
  }

  /** No further request goes out on these; those under way may end. */
  closeWhere(matches: (use: LineUse) => boolean): void {
    this.#close((line) => matches(line.use))
  }

  closeIdle(): void {
    const before = this.#options.clock.mono() - IDLE_MS
    this.#close((line) => line.usedAt < before && line.pool.stats.size === 0)
  }

  cutAll(): void {
    for (const line of this.#lines.values())
      line.pool.destroy(proxyProblem('call_ended', { facts: { reason: 'cut' } })).catch(ignore)
    this.#lines.clear()
  }

  stop(): void {
    clearInterval(this.#sweep)
    this.cutAll()
  }

  #open(use: LineUse): Line {
    const { credential, version, origin, address } = use
    if (credential !== undefined) this.closeWhere((old) => old.credential === credential && old.version !== version)
    if (this.#lines.size >= MAX_LINES) this.#closeLongestIdle()
    const { ca, onDial, onReset, onUnreachable } = this.#options
    const connect = createConnector({
      address,
      host: origin.host,
      port: origin.port,
      secure: origin.scheme === 'https',
      timeoutMs: use.connectMs,
      ca: use.trust ?? ca,
      onDial,
      onReset,
    })
    const pool = new Pool(origin.href, {
      connect,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: SOCKET_IDLE_MS,
      maxHeaderSize: MAX_RESPONSE_HEAD,
      // Silence is judged where the request's body and slow readers are known as well.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    pool.on('connectionError', () => onUnreachable(origin.host, address))
    return { pool, use, usedAt: 0 }
  }

  #closeLongestIdle(): void {
    let oldest: Line | undefined
    for (const line of this.#lines.values()) {
      if (line.pool.stats.size === 0 && (oldest === undefined || line.usedAt < oldest.usedAt)) oldest = line
    }
    this.#close((line) => line === oldest)
  }

  #close(matches: (line: Line) => boolean): void {
    for (const [key, line] of this.#lines) {
      if (!matches(line)) continue
      this.#lines.delete(key)
      line.pool.close().catch(ignore)
    }
  }
}

function ignore(): void {}
