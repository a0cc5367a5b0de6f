import type { ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Exchange } from './exchange.ts'

export interface SessionEvents {
  /** There is room for another stream. */
  readonly onRoom: () => void
  /** It takes no more streams; those that it has may end. */
  readonly onLeave: () => void
  /** It is no more. */
  readonly onEnd: () => void
}

/** Until the service says how many it takes, which it does with its first word: more might be refused. */
const STREAMS_AT_FIRST = 1
const MOST_STREAMS = 1_000
/** What a service may send on a stream that nobody reads. */
const STREAM_WINDOW = 256 * 1024
/** node:http2 gives this one back as it receives, so that one slow reader stops no other stream. */
const SESSION_WINDOW = 4 * 1024 * 1024
const MAX_RESPONSE_HEAD = 64 * 1024
const MAX_RESPONSE_HEADERS = 256
const IDLE_MS = 15_000
const PONG_MS = 5_000
const MEMORY_MB = 64

/** Far fewer than any server known bears on one connection. */
const MOST_RESETS = 100

const options = {
  maxSessionMemory: MEMORY_MB,
  maxHeaderListPairs: MAX_RESPONSE_HEADERS,
  maxOriginSetSize: 0,
  // What a caller says twice is the service's to judge; node:http2 would throw, and blame the service.
  strictSingleValueFields: false,
  settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: MAX_RESPONSE_HEAD },
}

/** One connection to a service that speaks HTTP/2, with its streams. */
export class UpstreamSession {
  readonly #session: ClientHttp2Session
  readonly #authority: string
  readonly #events: SessionEvents
  #open = 0
  #resets = 0
  #most = STREAMS_AT_FIRST
  #lastStream = Number.MAX_SAFE_INTEGER
  #leaving = false
  #told = false
  #idle: NodeJS.Timeout | undefined
  #doubt: NodeJS.Timeout | undefined

  /** `socket` stands, and the service chose `h2` on it. */
  constructor(socket: Socket, authority: string, events: SessionEvents) {
    // Loaded with the first service that speaks it.
    const { connect } = process.getBuiltinModule('node:http2')
    this.#authority = authority
    this.#events = events
    const session = connect(`https://${authority}`, { ...options, createConnection: () => socket })
    this.#session = session
    session.on('connect', () => session.setLocalWindowSize(SESSION_WINDOW))
    session.on('remoteSettings', ({ maxConcurrentStreams = MOST_STREAMS }) => {
      this.#told = true
      this.#most = Math.min(maxConcurrentStreams, MOST_STREAMS)
      this.#events.onRoom()
    })
    session.on('goaway', (_code, lastStream) => {
      this.#lastStream = lastStream
      this.#leave()
    })
    // Its streams hear of it as well.
    session.on('error', () => this.#leave())
    session.on('close', () => {
      this.#leave()
      clearTimeout(this.#doubt)
      this.#events.onEnd()
    })
  }

  get open(): number {
    return this.#open
  }

  /** Whether no stream is opened on it any more. */
  get leaving(): boolean {
    return this.#leaving
  }

  /** Whether the service did not say yet how many streams it takes. */
  get isNew(): boolean {
    return !this.#told && !this.#leaving
  }

  /** Whether it takes a stream now. */
  get hasRoom(): boolean {
    return !this.#leaving && this.#open < this.#most && !this.#session.closed && !this.#session.destroyed
  }

  run(exchange: Exchange): void {
    clearTimeout(this.#idle)
    this.#open += 1
    const started = exchange.start({
      session: this.#session,
      authority: this.#authority,
      lastStream: () => this.#lastStream,
      onClose: (doubtful, code) => {
        this.#left()
        if (code !== 0) this.#noteReset()
        if (doubtful) this.#ping()
      },
    })
    if (!started) this.#left()
  }

  /** Its streams may end. */
  close(): void {
    this.#leave()
    this.#session.close()
  }

  destroy(error: Error): void {
    this.#leave()
    this.#session.destroy(error)
  }

  #left(): void {
    this.#open -= 1
    if (this.#open === 0 && !this.#leaving) {
      this.#idle = setTimeout(() => this.close(), IDLE_MS)
      this.#idle.unref()
    }
    this.#events.onRoom()
  }

  /** Services end a connection with too many resets, and with it the calls of other agents: it is left before. */
  #noteReset(): void {
    this.#resets += 1
    if (this.#resets === MOST_RESETS) this.close()
  }

  /** A peer that vanished without a word would take every further call: whoever does not answer a ping is gone. */
  #ping(): void {
    if (this.#doubt !== undefined || this.#session.destroyed) return
    this.#doubt = setTimeout(() => this.destroy(new Error('no answer to a ping')), PONG_MS)
    this.#doubt.unref()
    this.#session.ping(() => {
      clearTimeout(this.#doubt)
      this.#doubt = undefined
    })
  }

  #leave(): void {
    clearTimeout(this.#idle)
    if (this.#leaving) return
    this.#leaving = true
    this.#events.onLeave()
  }
}
