import { chmodSync, rmSync } from 'node:fs'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Problem } from '../ground/problem.ts'
import { checkHead } from './check-head.ts'
import { type Client, notePeer, type PeerKind } from './client-address.ts'
import { httpProblem } from './problems.ts'
import { type SecureOptions, STRICT_TRANSPORT, secureServer } from './secure-server.ts'
import { rawProblem, sendProblem } from './send-problem.ts'
import { asksForWebSocket, Upgrades } from './upgrades.ts'

/** Not imported: that would read all that node:http gives, and by that load Node's copy of undici, 14 MB. */
const { createServer } = process.getBuiltinModule('node:http')

export type Handle = (request: IncomingMessage, response: ServerResponse, rid: string) => void

export interface ListenerOptions {
  readonly handle: Handle
  readonly nextRid: () => string
  /** The Host values it answers to, known once the port is; undefined on a Unix socket. */
  readonly hosts: ((port: number) => ReadonlySet<string>) | undefined
  /** On every answer, refusals too. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether a target is a page that links of other sites may lead to, and that changes nothing. */
  readonly isPage?: (url: string) => boolean
  /** Whether a page of another site may ask this: whoever handles it judges by its `Origin`. */
  readonly mayCross?: ((request: IncomingMessage) => boolean) | undefined
  /** Whether a WebSocket may be asked for there; nowhere without it. */
  readonly mayUpgrade?: ((url: string) => boolean) | undefined
  /** What takes CONNECT, and targets that are whole URLs; without it both are refused. */
  readonly proxy?: ProxyHandles | undefined
  /** What is to be known of those who come there. */
  readonly peers?: Pick<Client, 'socketOf' | 'atBridge'> | undefined
  /** It speaks TLS, and nothing else. */
  readonly tls?: SecureOptions | undefined
}

export interface ProxyHandles {
  connect(request: IncomingMessage, socket: Socket, head: Buffer, rid: string): void
  readonly absolute: Handle
}

export interface Listener {
  readonly port: number
  /** Stops accepting, tells kept connections to close, and cuts what is open after `graceMs`, or when `hurry` is told. */
  close(graceMs: number, hurry?: AbortSignal): Promise<void>
}

const MAX_HEADER_BYTES = 16 * 1024
const HEAD_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 4_096
const REQUESTS_PER_SOCKET = 1_000
/** Requests that may wait on a connection for the answer to one before them. */
const MAX_PIPELINED = 16

/** Node's strict parser and every limit set, whether TLS goes before it or not. */
export const httpOptions: ServerOptions = {
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
  shouldUpgradeCallback: asksForWebSocket,
}

interface Bare {
  readonly server: Server | HttpsServer
  /** Lets go what is no request yet. */
  readonly stop: () => void
  /** Cuts what is no request any more. */
  readonly cutUpgrades: () => void
}

/**
 * A bare HTTP/1.1 server. It judges the head and hands the request on; a body has no whole-request timer here, because
 * uploads and streams may be long: whoever reads it sets an idle limit.
 */
function bareServer(options: ListenerOptions, kind: PeerKind, hosts: () => ReadonlySet<string> | undefined): Bare {
  const { tls, nextRid } = options
  const { server, stop } =
    tls === undefined ? { server: createServer(httpOptions), stop: () => {} } : secureServer(httpOptions, tls)
  server.maxConnections = MAX_CONNECTIONS
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET
  server.maxHeadersCount = 0
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) =>
    notePeer(socket, kind, options.peers),
  )
  const mayWait = pipelineLimit()
  const secured = tls === undefined ? {} : { 'strict-transport-security': STRICT_TRANSPORT }
  const always = Object.entries({ ...options.headers, ...secured })
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (response.socket === null && !mayWait(request.socket, response)) return
    for (const [name, value] of always) response.setHeader(name, value)
    const rid = nextRid()
    if (options.proxy !== undefined && ABSOLUTE.test(request.url ?? '')) {
      options.proxy.absolute(request, response, rid)
      return
    }
    const refusal = checkHead(request, hosts(), options)
    if (refusal !== undefined) sendProblem(response, refusal, rid)
    else options.handle(request, response, rid)
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  const upgrades = new Upgrades()
  server.on('upgrade', (request, socket, head) => upgrades.take(request, socket as Socket, head, onRequest))
  const raw = (problem: Problem) => rawProblem(problem, nextRid(), Object.fromEntries(always))
  server.on('connect', (request, socket, head) => {
    if (options.proxy === undefined) refuse(socket as Socket, raw(httpProblem('connect_refused')))
    else options.proxy.connect(request, socket as Socket, head, nextRid())
  })
  server.on('clientError', (error, socket) => refuse(socket as Socket, raw(parseProblem(error))))
  return { server, stop, cutUpgrades: () => upgrades.cutAll() }
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

/** What a request that the parser did not take is answered with. */
export function parseProblem(error: Error & { code?: string }) {
  if (error.code === 'HPE_HEADER_OVERFLOW') return httpProblem('headers_too_large')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return httpProblem('request_timeout')
  return httpProblem('http_malformed')
}

const ABSOLUTE = /^https?:\/\//i

/** Listens on TCP. Rejects with Node's error (`EADDRINUSE`, `EACCES`, …) when it cannot. */
export async function listenTcp(options: ListenerOptions, host: string, port: number): Promise<Listener> {
  let names: ReadonlySet<string> | undefined
  const kind = options.tls === undefined ? 'tcp' : 'tls'
  const bare = bareServer(options, kind, () => names ?? new Set())
  const { server } = bare
  await listening(server, () => server.listen({ host, port, backlog: 1_024 }))
  const bound = (server.address() as AddressInfo).port
  names = options.hosts?.(bound)
  return { port: bound, close: (graceMs, hurry) => closeServer(bare, graceMs, hurry) }
}

/** Listens on a Unix socket with mode 0600. The caller holds the home's lock, so a socket file left behind is stale. */
export async function listenUnix(options: ListenerOptions, path: string): Promise<Listener> {
  const bare = bareServer(options, 'unix', () => undefined)
  const { server } = bare
  rmSync(path, { force: true })
  await listening(server, () => server.listen({ path }))
  chmodSync(path, 0o600)
  return {
    port: 0,
    close: async (graceMs, hurry) => {
      await closeServer(bare, graceMs, hurry)
      rmSync(path, { force: true })
    },
  }
}

function listening(server: Bare['server'], start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    start()
  })
}

async function closeServer({ server, stop, cutUpgrades }: Bare, graceMs: number, hurry?: AbortSignal): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  stop()
  server.closeIdleConnections()
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  // A turn later: whoever ends the calls at the same moment comes first, and the last answers go out.
  const cut = () =>
    setImmediate(() => {
      server.closeAllConnections()
      cutUpgrades()
    })
  const timer = setTimeout(cut, graceMs)
  if (hurry?.aborted === true) cut()
  else hurry?.addEventListener('abort', cut, { once: true })
  await closed
  clearInterval(sweep)
  clearTimeout(timer)
}
