// The agent listener's first fork: calls to services go the short way, everything else to the control plane.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type CarryingDoor, doorFor } from './house/carrying-doors.ts'
import type { Handle } from './http/listen.ts'
import { takeBoundToken } from './proxy/bound-caller.ts'

/** How long a client may leave a control-plane request or answer hanging, milliseconds. */
const CONTROL_IDLE_MS = 30_000

export interface Ways {
  /** `/to/<service>/<path>` */
  readonly baseUrl: Handle
  /** `POST /claviger/v1/call` */
  readonly explicitCall: Handle
  readonly controlPlane: FastifyInstance
  readonly doors: readonly CarryingDoor[]
}

export function frontDoor(ways: Ways): Handle {
  return (request, response, rid) => {
    if ((request.url as string).startsWith('/a/')) takeBoundToken(request)
    const url = request.url as string
    if (url.startsWith('/to/')) ways.baseUrl(request, response, rid)
    else if (url === '/claviger/v1/call' && request.method === 'POST') ways.explicitCall(request, response, rid)
    else {
      const door = doorFor(ways.doors, url)
      if (door === undefined) control(ways.controlPlane, request, response)
      else door.handle(request, response, rid)
    }
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
