/**
 * The ClawAuth dialect: an identity provider for agents, as its clients know it. Translates, and owns nothing: keys,
 * challenges and tokens are identity's, so are services, roles and trust; webhooks are the alerts room's.
 */
import type { BoundEndpoint } from '../../http/endpoint.ts'
import { agentRoutes } from './agent-routes.ts'
import type { DoorNeeds } from './needs.ts'
import { serviceRoutes } from './service-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'

export function clawAuthDoor<Who>(needs: DoorNeeds): BoundEndpoint<Who>[] {
  return [signInRoutes, agentRoutes, serviceRoutes, webhookRoutes].flatMap((routes) => routes<Who>(needs))
}
