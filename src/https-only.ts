// Where plain HTTP from beyond this machine is refused, before anything is read of what was sent so.
import type { IncomingMessage } from 'node:http'
import type { Problem } from './ground/problem.ts'
import type { ClientOf } from './http/client-address.ts'
import type { AnyEndpoint } from './http/endpoint.ts'
import type { Handle } from './http/listen.ts'
import { httpsRequirement, type RequireHttps } from './http/require-https.ts'
import { sendProblem } from './http/send-problem.ts'
import type { Settings } from './settings.ts'

type Mode = Settings['requireHttps']

/** What makes and takes tokens. */
const authPaths = ['/claviger/v1/auth', '/oauth', '/auth']
/** Asked by balancers, in plain, and worth nothing to anybody. */
const healthPaths: ReadonlySet<string> = new Set(['/health', '/claviger/v1/health'])

/** The demand that the setting makes at the endpoints. Some make it whatever is set. */
export function httpsRule(mode: Mode, requireHttps: RequireHttps) {
  return (request: IncomingMessage, endpoint: AnyEndpoint): Problem | undefined =>
    needsHttps(mode, endpoint) ? requireHttps(request) : undefined
}

function needsHttps(mode: Mode, { path, httpsOnly }: AnyEndpoint): boolean {
  if (httpsOnly === true) return true
  if (mode === 'all') return !healthPaths.has(path)
  return mode === 'auth' && authPaths.some((prefix) => path.startsWith(`${prefix}/`))
}

/** The demand on calls that come as to a proxy: `all` alone makes it there. */
export function httpsOnlyRefusal(mode: Mode, clientOf: ClientOf): RequireHttps {
  return mode === 'all' ? httpsRequirement(clientOf) : () => undefined
}

/** A way in for calls behind the same demand: `all` alone makes it there. */
export function httpsOnly(mode: Mode, requireHttps: RequireHttps, handle: Handle): Handle {
  if (mode !== 'all') return handle
  return (request, response, rid) => {
    const refusal = requireHttps(request)
    if (refusal === undefined) handle(request, response, rid)
    else sendProblem(response, refusal, rid)
  }
}
