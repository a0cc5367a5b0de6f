/**
 * The Clauth dialect: calls by provider, handle and scope, as its clients know them. Translates, and owns nothing: skills
 * are agents, grants the grants room's, calls go through the gate, sessions and tokens are identity's.
 */
import type { Handle } from '../../http/listen.ts'
import { type PlainRoute, plainRoutes } from '../../http/plain-routes.ts'
import { adminRoutes } from './admin-routes.ts'
import { clauthProblem } from './contract.ts'
import { identityRoutes } from './identity-routes.ts'
import type { ClauthNeeds } from './needs.ts'
import { proxyRoute } from './proxy-route.ts'
import { icons, publicRoutes } from './public-routes.ts'
import { wording } from './wording.ts'

export function clauthDoor(needs: ClauthNeeds, onBug: (error: unknown, rid: string) => void): Handle {
  const routes = [proxyRoute(needs), ...publicRoutes(needs), ...adminRoutes(needs), ...identityRoutes(needs)]
  return plainRoutes({
    routes: routes.map((route) => fromHere(needs, route)),
    wording,
    clientOf: needs.clientOf,
    onBug,
  })
}

/** Whether a path of the agents' listener is this door's; `/` and `/health` are everybody's there. */
export function isClauthPath(url: string): boolean {
  if (url.startsWith('/clauth/')) return true
  const path = url.split('?', 1)[0] as string
  return path === '/dashboard' || Object.hasOwn(icons, path)
}

/** Nobody comes from beyond this machine, unless the operator said so. */
function fromHere({ allowRemote }: ClauthNeeds, route: PlainRoute): PlainRoute {
  if (allowRemote) return route
  return {
    ...route,
    handle: (asked) => {
      const { loopback, address } = asked.client
      if (!loopback) throw clauthProblem('clauth_forbidden', { detail: `Remote address '${address}' is not allowed` })
      return route.handle(asked)
    },
  }
}
