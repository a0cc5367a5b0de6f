import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallId } from '../ground/ids.ts'
import { canonicalTarget } from '../ground/target.ts'
import { framingRefused, isInTurn, whenInTurn } from '../http/framing.ts'
import { httpProblem } from '../http/problems.ts'
import { type CarryOutOptions, callingAgent, carryOut, refuse } from './carry-out.ts'
import { Connection } from './recipient.ts'
import { upgradeOf } from './websocket/handshake.ts'

export const BASE_PREFIX = '/to/'

/**
 * Base-URL mode: `/to/<service>/<path>`, whatever the method. The rest of the target is taken byte for byte, so what the
 * service gets is what an SDK with this base URL meant.
 */
export function createBaseUrlHandler(options: CarryOutOptions) {
  return (request: IncomingMessage, response: ServerResponse, rid: string): void => {
    if (isInTurn(response)) handle(options, request, response, rid)
    else whenInTurn(response, () => handle(options, request, response, rid))
  }
}

function handle(options: CarryOutOptions, request: IncomingMessage, response: ServerResponse, rid: string): void {
  if (framingRefused(request, response, rid)) return
  const recipient = new Connection(response)
  try {
    const { serviceName, rest } = splitBaseUrl(request.url ?? '')
    const { rawHeaders } = request
    const caller = callingAgent(options, request)
    const call = {
      rid: rid as CallId,
      ...caller,
      serviceName,
      method: request.method ?? '',
      target: canonicalTarget(rest),
      rawHeaders,
      body: request,
      recipient,
      base: `${BASE_PREFIX}${serviceName}`,
      holdMs: options.holdMs,
    }
    const upgrade = upgradeOf(request)
    void carryOut(options, upgrade === undefined ? call : { ...call, ...upgrade })
  } catch (error) {
    refuse(options, recipient, rid, error)
  }
}

/** `/to/github/user?x=1` → `github` and `/user?x=1`; a base URL alone means `/`. Throws Problem `endpoint_unknown`. */
export function splitBaseUrl(url: string): { serviceName: string; rest: string } {
  if (!url.startsWith(BASE_PREFIX)) throw httpProblem('endpoint_unknown')
  let end = BASE_PREFIX.length
  while (end < url.length && url.charCodeAt(end) !== 0x2f && url.charCodeAt(end) !== 0x3f) end++
  const rest = url.slice(end)
  return { serviceName: url.slice(BASE_PREFIX.length, end), rest: rest.startsWith('/') ? rest : `/${rest}` }
}
