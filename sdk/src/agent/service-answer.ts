// What a service answered, whatever its status. What the gateway itself refused never becomes one of these: it is thrown.
import { ClavigerError } from '../claviger-error.ts'
import { ConnectionError } from '../errors/families.ts'
import { invalidAnswer } from '../wire.ts'
import { EventReader, type ServerSentEvent } from './event-stream.ts'

export interface ReadOptions {
  /** What a longer body ends with: `answer_invalid`. 16 MiB if left out. */
  readonly maxBytes?: number
}

export interface EventOptions {
  /** Ends the stream from outside; the call's own signal does so too. */
  readonly signal?: AbortSignal
  /** Of one event: 1 Mi if left out. A longer one ends the stream: `event_too_large`. */
  readonly maxEventChars?: number
}

/** What the answer has to do with its call. */
interface CallOfAnswer {
  readonly signal?: AbortSignal | null | undefined
  /** Nobody reads any further. */
  readonly onEnd?: () => void
}

const MAX_BYTES = 16 * 1_048_576
const MAX_EVENT_CHARS = 1_048_576

/** The body can be read once: as a whole, chunk by chunk (`for await (const chunk of answer)`), or as events. */
export class ServiceAnswer implements AsyncIterable<Uint8Array> {
  /** As `fetch` gave it, for what is not here. */
  readonly response: Response
  readonly #call: CallOfAnswer

  constructor(response: Response, call: CallOfAnswer) {
    this.response = response
    this.#call = call
  }

  get status(): number {
    return this.response.status
  }

  /** Status 2xx. */
  get ok(): boolean {
    return this.response.ok
  }

  get headers(): Headers {
    return this.response.headers
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.response.body
  }

  /** Under which the gateway has it on record. */
  get requestId(): string | undefined {
    return this.headers.get('claviger-request-id') ?? undefined
  }

  async bytes({ maxBytes = MAX_BYTES }: ReadOptions = {}): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of this) {
      length += chunk.length
      if (length > maxBytes) throw invalidAnswer(this.status, `more than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
    const whole = new Uint8Array(length)
    for (const chunk of chunks.reverse()) {
      length -= chunk.length
      whole.set(chunk, length)
    }
    return whole
  }

  async text(options: ReadOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.bytes(options))
  }

  /** Throws `answer_invalid` where it is no JSON. */
  async json<T = unknown>(options: ReadOptions = {}): Promise<T> {
    const text = await this.text(options)
    try {
      return JSON.parse(text) as T
    } catch {
      throw invalidAnswer(this.status, 'no JSON')
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#chunks()
  }

  /**
   * `for await (const { type, data } of answer.events())`. Leaving the loop ends the call. Throws `answer_has_no_events` where
   * the service answered otherwise (the body can still be read then), `event_too_large`, `answer_cut`.
   */
  async *events(options: EventOptions = {}): AsyncGenerator<ServerSentEvent, void, undefined> {
    const type = this.headers.get('content-type') ?? 'none'
    if (!this.ok || !/^text\/event-stream *(;|$)/i.test(type)) {
      const { status, requestId } = this
      const detail = `status ${status}, type ${type.slice(0, 100)}`
      throw new ClavigerError('answer_has_no_events', 'The service sent no events', { status, requestId, detail })
    }
    const decoder = new TextDecoder()
    const reader = new EventReader(options.maxEventChars ?? MAX_EVENT_CHARS)
    for await (const chunk of this.#chunks(options.signal)) yield* reader.read(decoder.decode(chunk, { stream: true }))
  }

  /** Reads no further: the gateway ends the call at the service. */
  async cancel(): Promise<void> {
    this.#call.onEnd?.()
    await this.response.body?.cancel().catch(() => undefined)
  }

  async *#chunks(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = this.response.body?.getReader()
    if (reader === undefined) return
    const stop = () => void reader.cancel(signal?.reason).catch(() => undefined)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      for (;;) {
        signal?.throwIfAborted()
        const { done, value } = await reader.read().catch((cause: unknown) => Promise.reject(this.#broken(cause)))
        signal?.throwIfAborted()
        if (done) return
        yield value
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      stop()
      reader.releaseLock()
      this.#call.onEnd?.()
    }
  }

  #broken(cause: unknown): unknown {
    if (this.#call.signal?.aborted === true) return this.#call.signal.reason
    const { status, requestId } = this
    return new ConnectionError('answer_cut', 'The answer ended before it was complete', { cause, status, requestId })
  }
}
