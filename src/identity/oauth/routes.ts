import { Problem } from '../../ground/problem.ts'
import type { Client } from '../../http/client-address.ts'
import { Answer, type BoundEndpoint, bind, bindReadyMade } from '../../http/endpoint.ts'
import { headerOf } from '../../http/header-of.ts'
import { type Came, fromOf, type JktOf } from '../sessions/came.ts'
import * as endpoints from './contract.ts'
import type { OAuth } from './oauth.ts'
import type { Asker } from './shown-token.ts'

export interface OAuthRouteNeeds {
  readonly oauth: OAuth
  readonly jktOf: JktOf
  /** To be sent as `DPoP-Nonce`. */
  readonly dpopNonce: () => string
  /** The service or operator whose token stands in the headers. */
  readonly askerOf: (rawHeaders: readonly string[], client: Client) => Asker | undefined
}

/** RFC 6749 §5.1 wants it beside `no-store`. */
const NO_CACHE = { pragma: 'no-cache' }

export function oauthRoutes<Who>({ oauth, jktOf, dpopNonce, askerOf }: OAuthRouteNeeds): BoundEndpoint<Who>[] {
  const from = (came: Came) => fromOf('oauth', came)
  return [
    bind(endpoints.token, ({ body: form, ...came }) =>
      challenging(came, async () => {
        const jkt = jktOf(endpoints.token, came)
        const reply = await oauth.token({ form, jkt, from: from(came) })
        return new Answer(reply, { ...NO_CACHE, ...(jkt !== undefined && { 'dpop-nonce': dpopNonce() }) })
      }),
    ),
    bind(endpoints.introspect, ({ body, ...came }) =>
      challenging(came, async () => {
        const asker = body.client_assertion === undefined ? askerOf(came.rawHeaders, came.client) : undefined
        return new Answer(await oauth.introspect(body, asker, from(came)), NO_CACHE)
      }),
    ),
    bind(endpoints.revoke, ({ body, ...came }) =>
      challenging(came, async () => {
        await oauth.revoke(body, from(came))
        return new Answer({}, NO_CACHE)
      }),
    ),
    bindReadyMade(endpoints.serverMetadata, () => oauth.metadata.server()),
    bindReadyMade(endpoints.resourceMetadata, () => oauth.metadata.resource()),
  ]
}

/** Whoever tried the Authorization header is told of it in that scheme (RFC 6749 §5.2); nobody else is. */
async function challenging<T>({ rawHeaders }: Came, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const tried = headerOf(rawHeaders, 'authorization')
    if (!(error instanceof Problem) || error.code !== 'invalid_client' || tried === undefined) throw error
    const scheme = /^basic /i.test(tried) ? 'Basic' : 'Bearer'
    throw endpoints.oauthProblem('invalid_client', { ...(error.detail && { detail: error.detail }), facts: { scheme } })
  }
}
