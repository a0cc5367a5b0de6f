import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { request as requestTls } from 'node:https'
import type { Readable } from 'node:stream'

export interface SendOptions {
  readonly port?: number
  readonly host?: string
  readonly socketPath?: string
  /** Over TLS, to whom this authority (PEM) vouches for as gate.test. */
  readonly ca?: string | undefined
  readonly method: string
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Buffer | string | Readable | undefined
  readonly signal?: AbortSignal
  readonly connections?: Agent
  /** Sees each piece of the answer's body as it arrives. */
  readonly onChunk?: (chunk: Buffer) => void
  /** The body is not kept: large transfers. */
  readonly discard?: boolean
}

export interface Reply {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly trailers: IncomingMessage['trailers']
  readonly body: Buffer
  /** The problem's code, where the answer is one. */
  readonly code: string | undefined
  text(): string
  json(): unknown
}

/** Sends one HTTP/1.1 request and reads the whole answer. Rejects when the connection breaks before the answer's end. */
export function send(options: SendOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { port, host = '127.0.0.1', socketPath, ca, method, path, headers = {}, body, signal, connections } = options
    const where = socketPath === undefined ? { host, port } : { socketPath }
    const sent = (ca === undefined ? request : requestTls)({
      ...where,
      ...(ca !== undefined && { ca, servername: 'gate.test' }),
      method,
      path,
      headers:
        typeof body === 'string' || Buffer.isBuffer(body)
          ? { 'content-length': Buffer.byteLength(body), ...headers }
          : headers,
      agent: connections ?? false,
      ...(signal && { signal }),
    })
    sent.once('error', reject)
    sent.once('response', (response) => collect(response, options).then(resolve, reject))
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body)
    else body.pipe(sent)
  })
}

function collect(response: IncomingMessage, options: SendOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => {
      options.onChunk?.(chunk)
      if (options.discard !== true) chunks.push(chunk)
    })
    response.once('error', reject)
    response.once('aborted', () => reject(new Error('the answer was cut')))
    response.once('end', () => resolve(replyOf(response, Buffer.concat(chunks))))
  })
}

function replyOf(response: IncomingMessage, body: Buffer): Reply {
  const problem = String(response.headers['content-type'] ?? '').startsWith('application/problem+json')
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    trailers: response.trailers,
    body,
    code: problem ? (JSON.parse(body.toString('utf8')) as { code?: string }).code : undefined,
    text: () => body.toString('utf8'),
    json: () => JSON.parse(body.toString('utf8')) as unknown,
  }
}

/** A pool of kept-alive connections to one listener. */
export function keepAlive(sockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: sockets })
}
