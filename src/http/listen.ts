import { chmodSync, rmSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { checkHead } from './check-head.ts'
import { httpProblem } from './problems.ts'
import { rawProblem, sendProblem } from './send-problem.ts'

/** Not imported: that would read all that node:http gives, and by that load Node's copy of undici, 14 MB. */
const { createServer } = process.getBuiltinModule('node:http')

export type Handle = (request: IncomingMessage, response: ServerResponse, rid: string) => void

export interface ListenerOptions {
  readonly handle: Handle
  readonly nextRid: () => string
  /** The Host values it answers to, known once the port is; undefined on a Unix socket. */
  readonly hosts: ((port: number) => ReadonlySet<string>) | undefined
}

export interface Listener {
  readonly port: number
  /** Stops accepting, tells kept connections to close, and cuts what is still open after `graceMs`. */
  close(graceMs: number): Promise<void>
}

const MAX_HEADER_BYTES = 16 * 1024
const HEAD_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 4_096
const REQUESTS_PER_SOCKET = 1_000
/** Requests that may wait on a connection for the answer to one before them. */
const MAX_PIPELINED = 16

/**
 * A bare HTTP/1.1 server with Node's strict parser and every limit set. It judges the head and hands the request on;
 * a body has no whole-request timer here, because uploads and streams may be long: whoever reads it sets an idle limit.
 */
function bareServer(options: ListenerOptions, hosts: () => ReadonlySet<string> | undefined): Server {
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: 0,
    keepAliveTimeout: 30_000,
    connectionsCheckingInterval: 2_000,
    noDelay: true,
    requireHostHeader: false,
    // What has no body by its head is born with its stream at the end; the stream's life costs a tenth of a call.
    optimizeEmptyRequests: true,
  })
  server.maxConnections = MAX_CONNECTIONS
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET
  server.maxHeadersCount = 0
  const mayWait = pipelineLimit()
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (response.socket === null && !mayWait(request.socket, response)) return
    const rid = options.nextRid()
    const refusal = checkHead(request, hosts())
    if (refusal !== undefined) sendProblem(response, refusal, rid)
    else options.handle(request, response, rid)
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('connect', (_request, socket) =>
    refuse(socket as Socket, rawProblem(httpProblem('connect_refused'), options.nextRid())),
  )
  server.on('clientError', (error, socket) =>
    refuse(socket as Socket, rawProblem(parseProblem(error), options.nextRid())),
  )
  return server
}

/**
 * Whether one more request may wait for its turn on the connection; if not, the connection is cut. Node would keep a
 * thousand heads for a client that sends on while its first call hangs, and no limit of ours counts those.
 */
function pipelineLimit(): (socket: Socket, response: ServerResponse) => boolean {
  const waiting = new WeakMap<Socket, number>()
  return (socket, response) => {
    const count = (waiting.get(socket) ?? 0) + 1
    if (count > MAX_PIPELINED) {
      socket.destroy()
      return false
    }
    waiting.set(socket, count)
    response.once('socket', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1))
    return true
  }
}

function refuse(socket: Socket, answer: string): void {
  socket.on('error', () => socket.destroy())
  if (socket.writable && socket.bytesWritten === 0) socket.end(answer, () => socket.destroySoon())
  else socket.destroy()
}

function parseProblem(error: Error & { code?: string }) {
  if (error.code === 'HPE_HEADER_OVERFLOW') return httpProblem('headers_too_large')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return httpProblem('request_timeout')
  return httpProblem('http_malformed')
}

/** Listens on TCP. Rejects with Node's error (`EADDRINUSE`, `EACCES`, …) when it cannot. */
export async function listenTcp(options: ListenerOptions, host: string, port: number): Promise<Listener> {
  let names: ReadonlySet<string> | undefined
  const server = bareServer(options, () => names ?? new Set())
  await listening(server, () => server.listen({ host, port, backlog: 1_024 }))
  const bound = (server.address() as AddressInfo).port
  names = options.hosts?.(bound)
  return { port: bound, close: (graceMs) => closeServer(server, graceMs) }
}

/** Listens on a Unix socket with mode 0600. The caller holds the home's lock, so a socket file left behind is stale. */
export async function listenUnix(options: ListenerOptions, path: string): Promise<Listener> {
  const server = bareServer(options, () => undefined)
  rmSync(path, { force: true })
  await listening(server, () => server.listen({ path }))
  chmodSync(path, 0o600)
  return {
    port: 0,
    close: async (graceMs) => {
      await closeServer(server, graceMs)
      rmSync(path, { force: true })
    },
  }
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    start()
  })
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(sweep)
  clearTimeout(cut)
}
