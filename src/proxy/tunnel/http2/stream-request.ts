// A request on a stream of HTTP/2, in the words of HTTP/1.1 (RFC 9113 §8.3.1, §8.2.3), so that everything behind reads one
// form. Its invariant: what cannot be said in both is refused, and a body that was cut does not end.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { httpProblem } from '../../../http/problems.ts'
import { cutShort } from '../../http2/cut-short.ts'

export const MAX_HEAD_BYTES = 16 * 1024

export interface RequestHead {
  readonly method: string
  readonly url: string
  /** Names and values by turns; the first is `host`. */
  readonly rawHeaders: string[]
}

/**
 * `raw`: as node:http2 gives them, pseudo-headers too. `ended`: no body follows. Throws Problem `http_malformed`,
 * `headers_too_large`, `host_refused`, `method_refused`, `header_conflict`.
 */
export function headOf(raw: readonly string[], ended: boolean): RequestHead {
  const pseudo = new Map<string, string>()
  const rest: string[] = []
  const cookies: string[] = []
  let host: string | undefined
  let length = false
  let size = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string
    const value = raw[at + 1] as string
    // As it is counted in SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2), which is advice, and which node:http2 does not hold.
    size += name.length + value.length + 32
    if (name.startsWith(':')) pseudo.set(name, value)
    else if (name === 'cookie') cookies.push(value)
    else if (name === 'host') {
      if (host !== undefined) throw httpProblem('header_conflict', { detail: 'Host stands more than once' })
      host = value
    } else {
      if (name === 'content-length') length = true
      rest.push(name, value)
    }
  }
  if (size > MAX_HEAD_BYTES) throw httpProblem('headers_too_large')
  const { method, url, authority } = targetOf(pseudo, host)
  const rawHeaders = ['host', authority, ...rest]
  if (cookies.length > 0) rawHeaders.push('cookie', cookies.join('; '))
  // Its length is not known beforehand, which HTTP/1.1 says like that.
  if (!ended && !length) rawHeaders.push('transfer-encoding', 'chunked')
  return { method, url, rawHeaders }
}

function targetOf(pseudo: ReadonlyMap<string, string>, host: string | undefined) {
  const method = pseudo.get(':method') ?? ''
  // Tunnels inside of tunnels, and other protocols (RFC 8441), which are not offered.
  if (method === 'CONNECT' || pseudo.has(':protocol')) throw httpProblem('method_refused')
  const authority = pseudo.get(':authority') ?? host ?? ''
  if (host !== undefined && host.toLowerCase() !== authority.toLowerCase())
    throw httpProblem('host_refused', { detail: ':authority and Host name two.' })
  if (pseudo.get(':scheme') !== 'https') throw httpProblem('http_malformed', { detail: 'The scheme is not https.' })
  return { method, url: pseudo.get(':path') ?? '', authority }
}

/** The request as everything behind the listener takes one. Its body is read only when somebody reads it. */
export class StreamRequest extends Readable implements IncomingMessage {
  readonly method: string
  readonly url: string
  readonly rawHeaders: string[]
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
  readonly httpVersion = '2.0'
  readonly httpVersionMajor = 2
  readonly httpVersionMinor = 0
  readonly trailers: NodeJS.Dict<string> = {}
  readonly trailersDistinct: NodeJS.Dict<string[]> = {}
  readonly rawTrailers: string[] = []
  readonly #stream: ServerHttp2Stream
  readonly #isCut: () => boolean
  #complete: boolean
  #reading = false

  constructor(stream: ServerHttp2Stream, { method, url, rawHeaders }: RequestHead, ended: boolean, socket: Socket) {
    super({ autoDestroy: true })
    this.method = method
    this.url = url
    this.rawHeaders = rawHeaders
    this.headers = byName(rawHeaders)
    this.socket = socket
    this.#stream = stream
    this.#complete = ended
    this.#isCut = cutShort(stream)
    if (ended) this.push(null)
    stream.on('trailers', (_fields, _flags, raw) => this.rawTrailers.push(...raw))
    stream.once('close', () => {
      if (!this.#complete) this.destroy(ended ? undefined : new Error('the body ended early'))
    })
    // Told as the end of the call: nobody has to hear it here.
    this.on('error', () => {})
  }

  get complete(): boolean {
    return this.#complete
  }

  get aborted(): boolean {
    return this.destroyed && !this.#complete
  }

  /** Aborted with the stream. */
  get signal(): AbortSignal {
    const gone = new AbortController()
    this.once('close', () => gone.abort())
    return gone.signal
  }

  get connection(): Socket {
    return this.socket
  }

  get headersDistinct(): NodeJS.Dict<string[]> {
    return Object.fromEntries(Object.entries(this.headers).map(([name, value]) => [name, [value ?? ''].flat()]))
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.#stream.setTimeout(ms, callback)
    return this
  }

  override _read(): void {
    if (this.#complete) return
    if (this.#reading) {
      this.#stream.resume()
      return
    }
    this.#reading = true
    this.#stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) this.#stream.pause()
    })
    this.#stream.once('end', () => {
      if (this.#isCut()) return
      this.#complete = true
      this.push(null)
    })
  }
}

function byName(rawHeaders: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string> = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    const value = rawHeaders[at + 1] as string
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined
    headers[name] = before === undefined ? value : `${before}, ${value}`
  }
  return headers
}
