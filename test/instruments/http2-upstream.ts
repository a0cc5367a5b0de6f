// A service that speaks HTTP/2 by HTTPS, and gRPC-shaped calls: messages with a length before them, a status in trailers.
import { readFileSync } from 'node:fs'
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Issued } from './certificates.ts'

export interface Http2Receipt {
  readonly headers: IncomingHttpHeaders
  /** 1 for the first connection. */
  readonly connection: number
  body: string
  /** Behind the body. */
  trailers: IncomingHttpHeaders | undefined
  /** How the stream ended, once it did. */
  closed: number | undefined
}

export type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

export interface Http2Upstream {
  readonly port: number
  readonly received: Http2Receipt[]
  /** Connections that stand. */
  readonly sessions: Set<ServerHttp2Session>
  /** Connections that there ever were. */
  connections(): number
  /** What answers paths that begin so, instead of `{"hello":"<path>"}`. */
  on(path: string, answer: Answer): void
  /** Cuts every connection without a word. */
  cut(): void
  close(): Promise<void>
}

/** `first`: it speaks HTTP/1.1 as well, to whoever offers nothing else, and answers `first`. */
export async function http2Upstream(
  { cert, key }: Issued,
  { maxConcurrentStreams = 100, first = false } = {},
): Promise<Http2Upstream> {
  const received: Http2Receipt[] = []
  const sessions = new Set<ServerHttp2Session>()
  const answers = new Map<string, Answer>()
  let connections = 0
  const server = createSecureServer({
    ...{ cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: first, settings: { maxConcurrentStreams } },
  })
  if (first) server.on('request', ({ httpVersionMajor }, response) => httpVersionMajor === 1 && response.end('first'))
  server.on('session', (session) => {
    connections += 1
    const connection = connections
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
    session.on('stream', (stream, headers) => {
      const receipt: Http2Receipt = { headers, connection, body: '', trailers: undefined, closed: undefined }
      received.push(receipt)
      stream.on('error', () => {})
      stream.on('close', () => (receipt.closed = stream.rstCode))
      stream.on('trailers', (trailers) => (receipt.trailers = trailers))
      stream.on('data', (chunk: Buffer) => (receipt.body += chunk.toString('latin1')))
      const path = headers[':path'] ?? ''
      const own = [...answers].find(([prefix]) => path.startsWith(prefix))?.[1]
      if (own !== undefined) own(stream, headers)
      else
        stream.once('end', () => {
          if (stream.destroyed) return
          stream.respond({ ':status': 200, 'content-type': 'application/json' })
          stream.end(JSON.stringify({ hello: path }))
        })
    })
  })
  server.on('tlsClientError', () => {})
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received,
    sessions,
    connections: () => connections,
    on: (path, answer) => void answers.set(path, answer),
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const session of sessions) session.destroy()
      }),
  }
}

/** A message as gRPC frames it: not compressed. */
export function grpcMessage(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

/** The messages in what was received; throws if the last is not whole. */
export function grpcMessages(bytes: Buffer): string[] {
  const messages: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1)
    if (bytes[at] !== 0 || end > bytes.length) throw new Error('not a whole message')
    messages.push(bytes.subarray(at + 5, end).toString())
    at = end
  }
  return messages
}
