import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { behaviours } from './upstream-behaviours.ts'

/** One request as the upstream saw it. `url` and `rawHeaders` are byte for byte what came in. */
export interface Receipt {
  readonly n: number
  readonly connection: number
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  /** Values by lower-case name, in order of arrival. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: { length: number; sha256: string; bytes: Buffer; complete: boolean }
  /** Set when the peer went away before the answer was finished. */
  aborted: boolean
}

export type Behaviour = (request: IncomingMessage, response: ServerResponse, receipt: Receipt) => void

/** What one connection carried towards the upstream, exactly, up to `rawLimit` bytes. */
export interface Connection {
  readonly n: number
  readonly chunks: Buffer[]
  readonly socket: Socket
  open: boolean
}

export interface UpstreamOptions {
  readonly port?: number
  readonly host?: string
  /** A file that gets one line per request *head*, written before the answer: what a killed gateway has sent so far. */
  readonly receiptsFile?: string
}

const rawLimit = 1 << 20
const keptBody = 1 << 16

/** A real HTTP server on loopback that keeps every byte it gets and answers by the first path segment. */
export class RecordingUpstream {
  readonly receipts: Receipt[] = []
  readonly connections: Connection[] = []
  /** Requests the parser refused: with a correct gateway in front there are none. */
  readonly garbage: string[] = []
  readonly #server: Server
  readonly #own = new Map<string, Behaviour>()
  readonly #receiptsFile: string | undefined

  private constructor(options: UpstreamOptions) {
    this.#receiptsFile = options.receiptsFile
    this.#server = createServer({ keepAliveTimeout: 60_000, maxHeaderSize: 1 << 18, requestTimeout: 0 })
    this.#server.maxRequestsPerSocket = 0
    this.#server.on('request', (request, response) => this.#answer(request, response))
    this.#server.on('connection', (socket) => this.#record(socket))
    this.#server.on('clientError', (error, socket) => {
      this.garbage.push(String((error as NodeJS.ErrnoException).code ?? error))
      socket.destroy()
    })
  }

  static async start(options: UpstreamOptions = {}): Promise<RecordingUpstream> {
    const upstream = new RecordingUpstream(options)
    upstream.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1')
    await once(upstream.#server, 'listening')
    return upstream
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get accepts(): number {
    return this.connections.length
  }

  /** Answers requests whose first path segment is `name` with `behaviour` instead of a built-in one. */
  on(name: string, behaviour: Behaviour): void {
    this.#own.set(name, behaviour)
  }

  /** Receipts whose path holds `token`. */
  received(token: string): Receipt[] {
    return this.receipts.filter((receipt) => receipt.url.includes(token))
  }

  /** Every byte that came in, over all connections. */
  bytes(): Buffer {
    return Buffer.concat(this.connections.flatMap((connection) => connection.chunks))
  }

  /** Forgets what was recorded; open connections go on recording. */
  forget(): void {
    this.receipts.length = 0
    this.garbage.length = 0
    for (const connection of this.connections) connection.chunks.length = 0
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy()
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #record(socket: Socket): void {
    const connection: Connection = { n: this.connections.length, chunks: [], socket, open: true }
    this.connections.push(connection)
    let kept = 0
    // A `data` listener makes node:http hand the socket's bytes through JavaScript, so both see them.
    socket.on('data', (chunk: Buffer) => {
      if (kept >= rawLimit) return
      kept += chunk.length
      connection.chunks.push(Buffer.from(chunk))
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      connection.open = false
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const receipt = receiptOf(request, this.receipts.length, this.#connectionOf(request.socket))
    this.receipts.push(receipt)
    if (this.#receiptsFile !== undefined) appendFileSync(this.#receiptsFile, `${request.method} ${request.url}\n`)
    response.on('close', () => {
      if (!response.writableFinished) receipt.aborted = true
    })
    const name = /^\/([^/?]*)/.exec(request.url ?? '')?.[1] ?? ''
    const behaviour = this.#own.get(name) ?? behaviours[name] ?? behaviours.ok!
    behaviour(request, response, receipt)
    if (!request.readableFlowing) request.resume()
  }

  #connectionOf(socket: Socket): number {
    return this.connections.findIndex((connection) => connection.socket === socket)
  }
}

function receiptOf(request: IncomingMessage, n: number, connection: number): Receipt {
  const headers = new Map<string, string[]>()
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!.toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), request.rawHeaders[i + 1]!])
  }
  const body = { length: 0, sha256: '', bytes: Buffer.alloc(0), complete: false }
  const hash = createHash('sha256')
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    body.length += chunk.length
    if (body.bytes.length < keptBody) body.bytes = Buffer.concat([body.bytes, chunk]).subarray(0, keptBody)
  })
  request.on('end', () => {
    body.complete = true
    body.sha256 = hash.digest('hex')
  })
  const { method = '', url = '', rawHeaders } = request
  return { n, connection, method, url, rawHeaders, headers, body, aborted: false }
}
