// Requests that ask for a WebSocket, made into requests like any other: whoever handles those answers them, and takes the
// connection only once it may. Its invariant: nothing is read as a message before that, and no connection is left to nobody.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Not imported: see listen.ts. */
const { ServerResponse: Response } = process.getBuiltinModule('node:http')

/** The caller's connection, while the request that came on it is not answered. */
export interface Held {
  /** Gives the connection, paused, in place of an answer. Undefined where the caller is gone. */
  take(): Socket | undefined
}

const held = new WeakMap<IncomingMessage, Held>()

/** Undefined for a request that did not come with its connection. */
export function heldBy(request: IncomingMessage): Held | undefined {
  return held.get(request)
}

/**
 * Whether a head asks for a WebSocket in the one way that there is (RFC 6455 §4.1), for node:http, which asks where
 * `Connection` names the upgrade. What does not is a request like any other, `Upgrade` or not.
 */
export function asksForWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || headers.upgrade?.toLowerCase() !== 'websocket') return false
  // What follows would be taken for its body by one, and for messages by another.
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}

/** The connections of one server that left node:http. */
export class Upgrades {
  readonly #open = new Set<Socket>()

  /** For a server's event `upgrade`. */
  take(request: IncomingMessage, socket: Socket, head: Buffer, handle: Handle): void {
    socket.on('error', () => socket.destroy())
    // A caller that sends messages before it has an answer, or has an answer before this one to come, follows no standard.
    if (head.length > 0 || socket.destroyed || isAnswering(socket)) {
      socket.destroy()
      return
    }
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket)).setTimeout(0)
    const response = new Response(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    hold(request, response, socket)
    handle(request, response)
  }

  /** The server stops. */
  cutAll(): void {
    for (const socket of this.#open) socket.destroy()
  }
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** Until it is answered or taken, whatever comes is too early, and an end means that the caller left. */
function hold(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
  const cut = () => socket.destroy()
  const drained = () => response.emit('drain')
  const letGo = () => {
    socket.off('data', cut).off('end', cut).off('drain', drained)
    response.detachSocket(socket)
  }
  socket.on('data', cut).on('end', cut).on('drain', drained)
  response.once('finish', () => {
    letGo()
    socket.resume()
    socket.destroySoon()
  })
  held.set(request, {
    take: () => {
      if (socket.destroyed || response.headersSent) return undefined
      letGo()
      return socket.pause()
    },
  })
}

/** Whether node:http still writes an answer to a request before. */
function isAnswering(socket: Socket & { readonly _httpMessage?: unknown }): boolean {
  return socket._httpMessage !== undefined && socket._httpMessage !== null
}
