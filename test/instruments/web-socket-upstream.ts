// A service that speaks WebSocket as others wrote it (the package ws), or that says byte for byte what a test wants.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, createServer as plainServer, type Server } from 'node:http'
import { createServer as tlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Issued } from './certificates.ts'

export interface WebSocketUpstreamOptions {
  readonly issued?: Issued
  readonly host?: string
  /** Goes on by itself instead of what `/echo` does, where it says so. */
  readonly onSocket?: (socket: WebSocket, request: IncomingMessage) => void
  /** Answers upgrades to `/raw` by itself. */
  readonly onRaw?: (socket: Socket, request: IncomingMessage) => void
}

export interface WebSocketUpstream {
  readonly port: number
  /** Heads of all requests, upgrades or not. */
  readonly asked: IncomingMessage[]
  readonly sockets: Set<WebSocket>
  /** TCP connections taken so far. */
  readonly connections: () => number
  close(): Promise<void>
}

/** What RFC 6455 §4.2.2 has for a key. */
export const acceptOf = (key = ''): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

/** A whole answer that switches, with `more` lines. */
export const switched = (request: IncomingMessage, more = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'])}\r\n${more}\r\n`

/** Says back what it is told; takes permessage-deflate where it is offered, and the first subprotocol. */
export async function webSocketUpstream(options: WebSocketUpstreamOptions = {}): Promise<WebSocketUpstream> {
  const { issued, host = '127.0.0.1', onSocket, onRaw } = options
  const asked: IncomingMessage[] = []
  const sockets = new Set<WebSocket>()
  let connections = 0
  const server: Server =
    issued === undefined ? plainServer() : tlsServer({ cert: readFileSync(issued.cert), key: readFileSync(issued.key) })
  const speaking = new WebSocketServer({ noServer: true, perMessageDeflate: true, maxPayload: 256 * 1024 ** 2 })
  server.on('connection', () => connections++)
  server.on('request', (request, response) => {
    asked.push(request)
    response.setHeader('x-request-id', 'plain').end(`no messages at ${request.url}`)
  })
  server.on('upgrade', (request, socket: Socket, head) => {
    asked.push(request)
    socket.on('error', () => {}).on('end', () => socket.end())
    if (request.url?.startsWith('/raw') === true) {
      onRaw?.(socket, request)
      return
    }
    if (request.url?.startsWith('/no') === true) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nnot you')
      return
    }
    speaking.handleUpgrade(request, socket, head, (web) => {
      sockets.add(web)
      web.on('close', () => sockets.delete(web)).on('error', () => {})
      if (onSocket === undefined) web.on('message', (data, isBinary) => web.send(data, { binary: isBinary }))
      else onSocket(web, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    ...{ asked, sockets, connections: () => connections },
    close: () =>
      new Promise((resolve) => {
        for (const web of sockets) web.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
