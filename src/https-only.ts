// Where plain HTTP from beyond this machine is refused, before anything is read of what was sent so.
import type { Handle } from './http/listen.ts'
import type { RequireHttps } from './http/require-https.ts'
import { sendProblem } from './http/send-problem.ts'
import type { Settings } from './settings.ts'

/** What makes and takes tokens. */
const authPaths = ['/claviger/v1/auth', '/oauth', '/auth']
/** Asked by balancers, in plain, and worth nothing to anybody. */
const healthPaths: ReadonlySet<string> = new Set(['/health', '/claviger/v1/health'])

/** `handle` behind the demand for HTTPS that the setting makes. */
export function httpsOnly(mode: Settings['requireHttps'], requireHttps: RequireHttps, handle: Handle): Handle {
  if (mode === 'off') return handle
  const wanted = mode === 'auth' ? isAuth : (url: string) => !healthPaths.has(url)
  return (request, response, rid) => {
    const refusal = wanted(request.url as string) ? requireHttps(request) : undefined
    if (refusal === undefined) handle(request, response, rid)
    else sendProblem(response, refusal, rid)
  }
}

function isAuth(url: string): boolean {
  // Nearly everything that is asked, and nothing more is done about it.
  if (url.startsWith('/to/')) return false
  const end = url.indexOf('?')
  const path = decoded(end === -1 ? url : url.slice(0, end))
  return authPaths.some(
    (prefix) => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'),
  )
}

/** As the router reads it: `/%61uth` is `/auth`. */
function decoded(path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
