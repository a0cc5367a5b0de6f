// The agent listener's first fork: calls to services go the short way, everything else to the control plane.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Handle } from './http/listen.ts'

/** How long a client may leave a control-plane request or answer hanging, milliseconds. */
const CONTROL_IDLE_MS = 30_000

export interface Ways {
  /** `/to/<service>/<path>` */
  readonly baseUrl: Handle
  /** `POST /claviger/v1/call` */
  readonly explicitCall: Handle
  readonly controlPlane: FastifyInstance
}

export function frontDoor(ways: Ways): Handle {
  return (request, response, rid) => {
    const url = request.url as string
    if (url.startsWith('/to/')) ways.baseUrl(request, response, rid)
    else if (url === '/claviger/v1/call' && request.method === 'POST') ways.explicitCall(request, response, rid)
    else control(ways.controlPlane, request, response)
  }
}

/** Hands a request to the control plane, and cuts a client that neither sends nor reads. */
export function control(app: FastifyInstance, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const cut = () => socket.destroy()
  socket.setTimeout(CONTROL_IDLE_MS, cut)
  response.once('close', () => {
    socket.setTimeout(0)
    socket.off('timeout', cut)
  })
  // Nothing follows this head, so Fastify must not wait for a body of the type that it names.
  if (request.readableEnded) delete request.headers['content-type']
  app.routing(request, response)
}
