// What the OAuth endpoints need of the rooms beside theirs.

import type { BoundEndpoint } from './http/endpoint.ts'
import { OAuth } from './identity/oauth/oauth.ts'
import { type OAuthRouteNeeds, oauthRoutes } from './identity/oauth/routes.ts'
import { callerToken } from './proxy/caller-token.ts'
import { revokeShown } from './revoke-shown.ts'
import type { Rooms } from './rooms.ts'

type Needed = Pick<Rooms, 'identity' | 'signIn' | 'signIns' | 'relying' | 'possession'>

export function oauthEndpoints<Who>({ identity, signIn, signIns, relying, possession }: Needed): BoundEndpoint<Who>[] {
  const oauth = new OAuth({
    room: identity.room,
    accessTokens: identity.accessTokens,
    signIn,
    signIns,
    audienceOf: (name) => relying.find(name)?.id,
    revokeShown: (token) => revokeShown({ identity, relying }, token),
  })
  const askerOf: OAuthRouteNeeds['askerOf'] = (rawHeaders, { unixSocket }) => {
    const presented = callerToken(rawHeaders)
    if (presented === undefined) return undefined
    const service = relying.authenticateService(presented)?.service
    if (service !== undefined) return { kind: 'service', id: service.id }
    // Operators are heard on their own socket alone.
    return unixSocket && identity.authenticate(presented)?.kind === 'operator' ? { kind: 'operator' } : undefined
  }
  return oauthRoutes<Who>({
    oauth,
    jktOf: possession.jktOf,
    dpopNonce: () => possession.nonce(),
    askerOf,
  })
}
