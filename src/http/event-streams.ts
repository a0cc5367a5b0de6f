/**
 * Answers that go on: server-sent events (WHATWG HTML §9.2).
 *
 * Owns: which streams are open. Invariant: a stream lives no longer than what its caller showed: that is asked before every
 * event, after every change and every second. Bounded: streams of one caller and of a kind of callers, and what lies unread;
 * who reads too slowly is cut, and finds everything as it stands when they come again.
 */
import type { ServerResponse } from 'node:http'
import type { Caller } from './endpoint.ts'
import { httpProblem } from './problems.ts'

/** What a stream tells. */
export interface Feed {
  /** The first event: how things stand. */
  first(): string
  /** Hands over every event from now on, until what it gives is called. */
  follow(send: (frame: string) => void): () => void
}

/** What a handler gives where the answer is a stream. */
export class EventStream {
  readonly feed: Feed

  constructor(feed: Feed) {
    this.feed = feed
  }
}

/** One event as it is written. */
export function eventFrame(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

export interface EventStreamsOptions<Who> {
  /** Whether what the caller showed is still good. */
  readonly lives: (who: Who) => boolean
  /** Whom a stream counts against. */
  readonly nameOf: (who: Who) => string
  /** For tests that cannot wait, milliseconds. */
  readonly heartbeatMs?: number
}

/** Members are no operators: theirs, however many they are, take no room of those. */
type Kind = Caller | 'member'

/** Browsers open six connections to a host: a person with many tabs must be left some for everything else. */
const MOST_OF_ONE = 4
const MOST_OF_A_KIND: Readonly<Partial<Record<Kind, number>>> = { agent: 256, operator: 64, member: 64 }
/** Bytes that may lie unread when the next event comes. */
const MOST_UNREAD = 256 * 1024
/** Less than proxies and browsers take for lost. */
const HEARTBEAT_MS = 15_000
const LOOK_MS = 1_000
/** When a reader that lost its stream is to come again, milliseconds. */
const RETRY = 'retry: 2000\n'
const HEAD = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // What stands in front would gather events before it hands them on.
  'x-accel-buffering': 'no',
}

interface Open<Who> {
  readonly who: Who
  readonly kind: Kind
  readonly name: string
  readonly response: ServerResponse
  /** performance.now() of the last bytes. */
  wroteAt: number
  unfollow: () => void
}

export class EventStreams<Who> {
  readonly #options: EventStreamsOptions<Who>
  readonly #open = new Set<Open<Who>>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: EventStreamsOptions<Who>) {
    this.#options = options
  }

  get count(): number {
    return this.#open.size
  }

  /** Answers with the stream. Throws Problem `streams_crowded`, and then nothing was written. */
  open(who: Who, kind: Kind, response: ServerResponse, rid: string, { feed }: EventStream): void {
    const name = this.#options.nameOf(who)
    this.#refuseCrowd(kind, name)
    const stream: Open<Who> = { who, kind, name, response, wroteAt: performance.now(), unfollow: () => {} }
    this.#open.add(stream)
    const gone = () => this.#forget(stream)
    // A response whose turn has not come never hears that its connection closed.
    response.req.socket.once('close', gone)
    response.once('close', () => {
      response.req.socket.off('close', gone)
      gone()
    })
    response.on('error', gone)
    response.writeHead(200, { ...HEAD, 'claviger-request-id': rid })
    this.#write(stream, `${RETRY}${feed.first()}`)
    stream.unfollow = feed.follow((frame) => this.#write(stream, frame))
    this.#timer ??= setInterval(() => this.#tick(), Math.min(LOOK_MS, this.#heartbeatMs)).unref()
  }

  /** Ends the streams of callers that are nobody any more. Called whenever something may have taken that away. */
  look(): void {
    for (const stream of this.#open) if (!this.#options.lives(stream.who)) this.#end(stream, 'caller_over')
  }

  endAll(reason: string): void {
    for (const stream of this.#open) this.#end(stream, reason)
  }

  /** Ends them all in good order, and takes no more. */
  close(): void {
    this.#closed = true
    this.endAll('shutting_down')
  }

  get #heartbeatMs(): number {
    return this.#options.heartbeatMs ?? HEARTBEAT_MS
  }

  #refuseCrowd(kind: Kind, name: string): void {
    let [ofKind, ofOne] = [0, 0]
    for (const stream of this.#open) {
      if (stream.kind === kind) ofKind += 1
      if (stream.name === name) ofOne += 1
    }
    if (this.#closed || ofOne >= MOST_OF_ONE || ofKind >= (MOST_OF_A_KIND[kind] ?? 0))
      throw httpProblem('streams_crowded', { facts: { retryAfterSeconds: 5 } })
  }

  #write(stream: Open<Who>, frame: string): void {
    const { who, response } = stream
    if (!this.#open.has(stream)) return
    if (!this.#options.lives(who)) this.#end(stream, 'caller_over')
    else if (response.writableLength > MOST_UNREAD) {
      this.#forget(stream)
      response.destroy()
    } else {
      stream.wroteAt = performance.now()
      response.write(frame)
    }
  }

  #tick(): void {
    this.look()
    const due = performance.now() - this.#heartbeatMs
    for (const stream of this.#open) if (stream.wroteAt <= due) this.#write(stream, ':\n\n')
  }

  #end(stream: Open<Who>, reason: string): void {
    this.#forget(stream)
    stream.response.end(eventFrame('end', { reason }))
  }

  #forget(stream: Open<Who>): void {
    stream.unfollow()
    this.#open.delete(stream)
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
