// What comes to the agents' listener as to a proxy: CONNECT, and targets that are whole URLs. Its invariant: nothing is
// carried out but through carryOut(), which asks the gate, for each request inside a tunnel as for any other.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { AgentPrincipal } from '../../gate/rooms.ts'
import type { CallId } from '../../ground/ids.ts'
import type { Origin } from '../../ground/origin.ts'
import { Problem } from '../../ground/problem.ts'
import { canonicalTarget, type Target } from '../../ground/target.ts'
import { checkHead } from '../../http/check-head.ts'
import { type ClientOf, noteCarried } from '../../http/client-address.ts'
import { framingRefused, whenInTurn } from '../../http/framing.ts'
import { httpProblem } from '../../http/problems.ts'
import { asProblem, rawProblem } from '../../http/send-problem.ts'
import { type CarryOutOptions, carryOut, refuse } from '../carry-out.ts'
import { proxyProblem } from '../problems.ts'
import { Connection, type Recipient } from '../recipient.ts'
import { upgradeOf } from '../websocket/handshake.ts'
import type { StreamRequest } from './http2/stream-request.ts'
import { interceptor } from './intercept.ts'
import { type Passed, passThrough } from './pass-through.ts'
import { absoluteTarget, hostsOf, originOfConnect } from './proxy-target.ts'
import { proxyToken } from './proxy-token.ts'
import { type Tunnel, Tunnels } from './tunnels.ts'

export interface ProxyListenerOptions {
  readonly carry: CarryOutOptions
  readonly now: () => number
  /** Asks the gate whether a tunnel may be opened, and whether it is looked into. Throws the denial's Problem. */
  readonly admit: (principal: AgentPrincipal, origin: Origin, rid: CallId) => 'looked_into' | 'untouched'
  /** Connects one that is not looked into. Rejects with the denial's Problem, or why it cannot be. */
  readonly pass: (tunnel: Tunnel, rid: CallId) => Promise<Passed>
  /** The name of the service that a request there is meant for. Throws Problem `service_ambiguous`. */
  readonly serviceOf: (
    principal: AgentPrincipal,
    origin: Origin,
    head: { readonly method: string; readonly target: Target; readonly rawHeaders: readonly string[] },
  ) => string
  /** Who is at the other end of a request. */
  readonly clientOf: ClientOf
  readonly contextFor: (host: string) => Promise<SecureContext>
  /** Throws Problem `https_required` where the client must have come by TLS and did not. */
  readonly mustBeSecure: (request: IncomingMessage) => void
  readonly onBug: (error: unknown, rid: string) => void
}

interface Running extends ProxyListenerOptions {
  readonly isClosing: () => boolean
}

export interface ProxyListener {
  connect(request: IncomingMessage, socket: Socket, head: Buffer, rid: string): void
  absolute(request: IncomingMessage, response: ServerResponse, rid: string): void
  readonly tunnels: Tunnels
  /** Ends idle tunnels, and the others after `graceMs`. */
  close(graceMs: number): void
}

export function createProxyListener(given: ProxyListenerOptions): ProxyListener {
  const tunnels = new Tunnels()
  const state = { closing: false }
  const options = { ...given, isClosing: () => state.closing }
  const intercept = interceptor(options.carry.nextRid, {
    plain: (request, response, rid, tunnel) => inside(options, request, response, rid, tunnel),
    request: (request, recipient, tunnel) => onStream(options, request, recipient, tunnel),
    refused: (error, recipient) => refuse(options.carry, recipient, options.carry.nextRid(), error),
  })
  return {
    tunnels,
    connect: (request, socket, head, rid) => {
      void open(options, tunnels, request, socket, rid)
        .then(({ tunnel, way }) => {
          if ('upstream' in way) passThrough(tunnel, way, head)
          else intercept.take(tunnel, way.context, head)
        })
        .catch((error: unknown) => {
          if (!(error instanceof Problem)) options.onBug(error, rid)
          turnAway(socket, rawProblem(asProblem(asProxyProblem(error)), rid))
        })
    },
    absolute: (request, response, rid) => whenInTurn(response, () => byUrl(options, request, response, rid)),
    close: (graceMs) => {
      state.closing = true
      intercept.close(graceMs)
      // Nobody knows when something ends there; what passed is to be on record.
      tunnels.look(({ untouched }) => !untouched)
    },
  }
}

/** Resolves when the client may be told that its tunnel is open. */
async function open(
  options: Running,
  tunnels: Tunnels,
  request: IncomingMessage,
  socket: Socket,
  rid: string,
): Promise<{ tunnel: Tunnel; way: Passed | { context: SecureContext } }> {
  socket.on('error', () => socket.destroy())
  options.mustBeSecure(request)
  if (options.isClosing()) throw httpProblem('connect_refused', { detail: 'The gateway is stopping.' })
  const { principal, presented } = callerOf(options, request)
  const origin = originOfConnect(request.url ?? '')
  const untouched = options.admit(principal, origin, rid as CallId) === 'untouched'
  const client = options.clientOf(request)
  const tunnel = { principal, presented, origin, hosts: hostsOf(origin), socket, client, untouched }
  // Before anything is waited for: who leaves meanwhile, or may not any more, is out again, and no more are made than may be.
  tunnels.enter(tunnel, options.now())
  if (untouched) return { tunnel, way: await options.pass(tunnel, rid as CallId) }
  return { tunnel, way: { context: await options.contextFor(origin.host) } }
}

/** A request inside a tunnel: who opened it is asked for again, and the request by itself. */
function inside(
  options: Running,
  request: IncomingMessage,
  response: ServerResponse,
  rid: string,
  { presented, origin, hosts, client }: Tunnel,
): void {
  noteCarried(request, client)
  whenInTurn(response, () => {
    attempt(options, new Connection(response), rid, () => {
      const url = request.url ?? ''
      if (url.startsWith('/')) return carryPlain(options, request, response, rid, { presented, origin, hosts })
      // A whole URL may say again what the tunnel says, and nothing else.
      const whole = absoluteTarget(url)
      if (whole.origin.href !== origin.href) throw httpProblem('host_refused', { detail: 'The tunnel is to another.' })
      request.url = whole.rest
      carryPlain(options, request, response, rid, { presented, origin, hosts })
    })
  })
}

/** A request on a stream of HTTP/2, which is as good as one on a connection. */
function onStream(options: Running, request: StreamRequest, recipient: Recipient, tunnel: Tunnel): void {
  noteCarried(request, tunnel.client)
  const rid = options.carry.nextRid()
  attempt(options, recipient, rid, () => carry(options, request, recipient, rid, tunnel))
}

function byUrl(options: Running, request: IncomingMessage, response: ServerResponse, rid: string): void {
  attempt(options, new Connection(response), rid, () => {
    options.mustBeSecure(request)
    const presented = proxyToken(request.rawHeaders) ?? ''
    const { origin, rest } = absoluteTarget(request.url ?? '')
    request.url = rest
    carryPlain(options, request, response, rid, { presented, origin, hosts: hostsOf(origin) })
  })
}

type Where = Pick<Tunnel, 'presented' | 'origin' | 'hosts'>

function carryPlain(
  options: Running,
  request: IncomingMessage,
  response: ServerResponse,
  rid: string,
  where: Where,
): void {
  if (options.isClosing()) response.shouldKeepAlive = false
  if (!framingRefused(request, response, rid)) carry(options, request, new Connection(response, false), rid, where)
}

function carry(
  options: Running,
  request: IncomingMessage,
  recipient: Recipient,
  rid: string,
  { presented, origin, hosts }: Where,
): void {
  const { carry: carrying } = options
  const refusal = checkHead(request, hosts, beyondUsual)
  if (refusal !== undefined) throw refusal
  const principal = principalOf(options, presented, request)
  const { method = '', rawHeaders } = request
  const target = canonicalTarget(request.url ?? '')
  const serviceName = options.serviceOf(principal, origin, { method, target, rawHeaders })
  const shown = principal.token.kind === 'jwt' ? presented : undefined
  const call = { principal, presented: shown, serviceName, method, target, origin, rawHeaders, recipient }
  void carryOut(carrying, {
    ...call,
    ...{ rid: rid as CallId, body: request, base: undefined, holdMs: carrying.holdMs },
    ...upgradeOf(request),
  })
}

function attempt({ carry: carrying }: Running, recipient: Recipient, rid: string, work: () => void) {
  try {
    work()
  } catch (error) {
    refuse(carrying, recipient, rid, asProxyProblem(error))
  }
}

function callerOf(options: Running, request: IncomingMessage) {
  const presented = proxyToken(request.rawHeaders) ?? ''
  return { presented, principal: principalOf(options, presented, request) }
}

function principalOf({ carry: { authenticate } }: Running, presented: string, request: IncomingMessage) {
  const principal = authenticate(presented, request)
  if (principal === undefined) throw proxyProblem('proxy_unauthenticated')
  if (principal.kind !== 'agent') throw httpProblem('caller_refused')
  return principal
}

/** Clients of a proxy know 407, and would take a 401 for the service's. */
function asProxyProblem(error: unknown): unknown {
  if (!(error instanceof Problem) || error.status !== 401) return error
  return proxyProblem('proxy_unauthenticated', { detail: error.title, facts: { because: error.code } })
}

/** A browser that the agent drives has many sites: what it fetches is the agent's call all the same. */
const beyondUsual = { mayCross: () => true, mayUpgrade: () => true }

function turnAway(socket: Socket, answer: string): void {
  if (socket.writable) socket.end(answer, () => socket.destroySoon())
  else socket.destroy()
}
