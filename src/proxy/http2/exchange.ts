// One request and its answer on a stream of HTTP/2 (RFC 9113 §8), told to a handler as undici tells it: what carries a call
// out need not know which protocol the service speaks. Its invariant: an answer that is not whole never looks whole.
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { DialledRequest } from '../dial.ts'
import { UNPROCESSED } from '../upstream-error.ts'
import { cutShort } from './cut-short.ts'

const END_STREAM = 1
const REFUSED_STREAM = 7

export interface ExchangeNeeds {
  readonly session: ClientHttp2Session
  readonly authority: string
  /** The last stream that the service says it looks at; larger than any while it said none. */
  readonly lastStream: () => number
  /** The stream is no more. `doubtful`: it ended before there was an answer. `code`: how it ended; 0 is well. */
  readonly onClose: (doubtful: boolean, code: number) => void
}

export class Exchange implements Dispatcher.DispatchController {
  readonly request: DialledRequest
  readonly handler: Dispatcher.DispatchHandler
  #needs: ExchangeNeeds | undefined
  #stream: ClientHttp2Stream | undefined
  #trailers: IncomingHttpHeaders = {}
  #reason: Error | null = null
  #answered = false
  #over = false
  #sent = false

  constructor(request: DialledRequest, handler: Dispatcher.DispatchHandler) {
    this.request = request
    this.handler = handler
  }

  get aborted(): boolean {
    return this.#reason !== null
  }

  get reason(): Error | null {
    return this.#reason
  }

  get paused(): boolean {
    return this.#stream?.isPaused() === true
  }

  /** False if the call was over before it was its turn: then nothing was sent. */
  start(needs: ExchangeNeeds): boolean {
    this.handler.onRequestStart?.(this, {})
    if (this.#reason !== null) return false
    const { body, fieldsBehind } = this.request
    this.#needs = needs
    try {
      const how = { endStream: body === null, waitForTrailers: fieldsBehind !== undefined }
      const stream = needs.session.request(headersOf(this.request, needs.authority), how)
      this.#follow(stream)
      this.#send(stream, body)
      return true
    } catch (error) {
      this.#over = true
      this.handler.onResponseError?.(this, error as Error)
      return false
    }
  }

  pause(): void {
    this.#stream?.pause()
  }

  resume(): void {
    this.#stream?.resume()
  }

  abort(reason: Error): void {
    if (this.#reason !== null) return
    this.#reason = reason
    this.#over = true
    reset(this.#stream)
  }

  /** Before it has a stream. */
  fail(error: Error): void {
    if (!this.#over) this.handler.onResponseError?.(this, error)
    this.#over = true
  }

  #follow(stream: ClientHttp2Stream): void {
    this.#stream = stream
    const isCut = cutShort(stream)
    stream.on('response', (headers, flags) => this.#respond(headers, flags))
    stream.on('trailers', (headers) => (this.#trailers = headers))
    stream.on('data', (chunk: Buffer) => {
      if (!this.#over) this.handler.onResponseData?.(this, chunk)
    })
    stream.on('end', () => {
      if (!isCut()) this.#end()
    })
    stream.on('error', (error) => this.#broke(error))
    stream.on('close', () => this.#close(stream))
  }

  #respond(headers: IncomingHttpHeaders & IncomingHttpStatusHeader, flags: number): void {
    if (this.#over) return
    this.#answered = true
    this.handler.onResponseStart?.(this, headers[':status'] ?? 0, headers)
    // In the same turn: that nothing follows means something in gRPC (an answer of trailers alone).
    if ((flags & END_STREAM) !== 0) this.#end()
  }

  #end(): void {
    if (this.#over || !this.#answered) return
    this.#over = true
    // What is left of the request's body nobody waits for.
    if (!this.#sent) reset(this.#stream)
    this.handler.onResponseEnd?.(this, this.#trailers)
  }

  #close(stream: ClientHttp2Stream): void {
    this.#broke(Object.assign(new Error('the stream ended early'), { code: `H2_${stream.rstCode ?? 0}` }))
    this.#needs?.onClose(!this.#answered, stream.rstCode ?? 0)
  }

  #broke(error: Error): void {
    if (this.#over) return
    this.#over = true
    const told = this.#isUnprocessed() ? unprocessed(error) : error
    reset(this.#stream)
    this.handler.onResponseError?.(this, told)
  }

  /** Refused, or beyond what the service says it looked at (RFC 9113 §6.8, §8.7). */
  #isUnprocessed(): boolean {
    if (this.#answered) return false
    const { id, rstCode } = this.#stream as ClientHttp2Stream
    return id === undefined || rstCode === REFUSED_STREAM || id > (this.#needs?.lastStream() ?? Number.MAX_SAFE_INTEGER)
  }

  #send(stream: ClientHttp2Stream, body: Readable | Buffer | null): void {
    if (body !== null && !Buffer.isBuffer(body)) {
      this.#pipe(stream, body)
      return
    }
    if (body !== null) {
      stream.end(body)
      this.handler.onBodySent?.(body)
    }
    this.#sent = true
    this.handler.onRequestSent?.()
  }

  /** What stands behind the body, where there is something that may. */
  #follows(stream: ClientHttp2Stream, fields: readonly string[] | undefined): void {
    if (fields === undefined) return
    stream.once('wantTrailers', () => {
      try {
        stream.sendTrailers(byName(fields))
      } catch (error) {
        // Nobody else would catch what node:http2 thinks of them.
        this.#broke(error as Error)
      }
    })
  }

  #pipe(stream: ClientHttp2Stream, body: Readable): void {
    const onData = (chunk: Buffer) => {
      this.handler.onBodySent?.(chunk)
      if (!stream.write(chunk)) body.pause()
    }
    const onEnd = () => {
      stop()
      try {
        this.#follows(stream, this.request.fieldsBehind?.())
      } catch (error) {
        this.#broke(error as Error)
        return
      }
      this.#sent = true
      stream.end()
      if (!this.#over) this.handler.onRequestSent?.()
    }
    const onGone = (error?: Error) => {
      stop()
      this.#broke(error ?? new Error('the body ended early'))
    }
    const onDrain = () => void body.resume()
    const stop = () => {
      body.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      stream.off('drain', onDrain).off('close', stop)
      body.on('error', ignore)
    }
    stream.on('drain', onDrain).once('close', stop)
    body.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  }
}

/** With its pseudo-headers, names in lower case (RFC 9113 §8.2, §8.3.1). */
function headersOf({ method, path, headers, body, trailers }: DialledRequest, authority: string): string[] {
  const list = [':method', method, ':scheme', 'https', ':authority', authority, ':path', path]
  for (let at = 0; at < headers.length; at += 2)
    list.push((headers[at] as string).toLowerCase(), headers[at + 1] as string)
  if (Buffer.isBuffer(body)) list.push('content-length', String(body.length))
  else if (body === null && MEANS_BODY.has(method)) list.push('content-length', '0')
  if (trailers === true) list.push('te', 'trailers')
  return list
}

function byName(fields: readonly string[]): Record<string, string[]> {
  const all: Record<string, string[]> = Object.create(null)
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    all[name] = [...(all[name] ?? []), fields[at + 1] as string]
  }
  return all
}

/** With RST_STREAM: `close()` would end a body that is not whole in good order, for the service to take it for whole. */
function reset(stream: ClientHttp2Stream | undefined): void {
  stream?.destroy(new Error('the call is over'))
}

/** RFC 9110 §8.6. */
const MEANS_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

const unprocessed = (cause: Error) => Object.assign(new Error('not looked at', { cause }), { code: UNPROCESSED })

function ignore(): void {}
