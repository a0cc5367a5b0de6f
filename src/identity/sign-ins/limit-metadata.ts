import type { BoundEndpoint } from '../../http/endpoint.ts'
import { refuseUnlessOk, type SignInLimits } from './limits.ts'

/**
 * Puts the limit on what anybody may fetch without a token: key sets and metadata (RFC 8615, `/.well-known/`). Their answers
 * are small and ready, and whoever uses them keeps them; somebody who asks for them all the time wants something else.
 */
export function limitMetadata<Who>(
  endpoints: readonly BoundEndpoint<Who>[],
  limits: SignInLimits,
): BoundEndpoint<Who>[] {
  return endpoints.map((bound) => {
    if (!bound.endpoint.path.startsWith('/.well-known/')) return bound
    return {
      endpoint: bound.endpoint,
      handle: async (asked) => {
        refuseUnlessOk(limits.metadata(asked.client.address))
        return bound.handle(asked)
      },
    }
  })
}
