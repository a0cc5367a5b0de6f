import * as oauth from 'oauth4webapi'
import { vaultProblem } from '../contract.ts'
import { type TokenPlaces, tokenOrigin } from './places.ts'
import type { Send } from './token-request.ts'

/** What a service says of where its tokens come from. URLs are https. */
export interface OAuthPlaces {
  readonly issuer?: string | undefined
  readonly authorizationUrl?: string | undefined
  readonly tokenUrl?: string | undefined
  readonly deviceUrl?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly clientAuth?: 'post' | 'basic' | 'none' | undefined
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

export type Flow = 'code' | 'device'

type Endpoint = 'authorization_endpoint' | 'token_endpoint' | 'device_authorization_endpoint'

/** An authorization server that has what a flow needs. */
export type ReadyServer = oauth.AuthorizationServer & Record<'token_endpoint', string>

/**
 * The authorization server of a service, from what its definition says and, where that leaves something out, from the
 * issuer's metadata (RFC 8414, OpenID Connect Discovery). Every endpoint that the gateway itself asks is on an origin of
 * the service. Throws Problem `connect_unsupported`, `token_url_refused`, `connect_failed`.
 */
export async function authorizationServer(
  said: OAuthPlaces | undefined,
  flow: Flow,
  places: TokenPlaces | undefined,
  send: Send,
): Promise<ReadyServer> {
  if (said === undefined) throw vaultProblem('connect_unsupported')
  const named = {
    issuer: said.issuer ?? said.tokenUrl ?? '',
    ...(said.authorizationUrl !== undefined && { authorization_endpoint: said.authorizationUrl }),
    ...(said.tokenUrl !== undefined && { token_endpoint: said.tokenUrl }),
    ...(said.deviceUrl !== undefined && { device_authorization_endpoint: said.deviceUrl }),
  }
  const first: Endpoint = flow === 'code' ? 'authorization_endpoint' : 'device_authorization_endpoint'
  const needed: readonly Endpoint[] = [first, 'token_endpoint']
  const missing = needed.some((endpoint) => !(endpoint in named))
  const found = missing && said.issuer !== undefined ? await discovered(said.issuer, send) : undefined
  const server: oauth.AuthorizationServer = { ...found, ...named }
  for (const endpoint of needed) {
    if (server[endpoint] === undefined) throw vaultProblem('connect_unsupported', { facts: { missing: endpoint } })
  }
  tokenOrigin(server.token_endpoint as string, places)
  if (flow === 'device') tokenOrigin(server.device_authorization_endpoint as string, places)
  // Only the operator's browser goes there; but it is told to, so it must not be fooled either.
  if (flow === 'code') tokenOrigin(server.authorization_endpoint as string, places)
  return server as ReadyServer
}

async function discovered(issuer: string, send: Send): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  let last: unknown
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    try {
      const response = await oauth.discoveryRequest(url, { algorithm, ...forMetadata(send) })
      return await oauth.processDiscoveryResponse(url, response)
    } catch (error) {
      last = error
    }
  }
  throw vaultProblem('connect_failed', { facts: { reason: 'no_metadata' }, cause: last })
}

function forMetadata(send: Send): { [oauth.customFetch]: never } {
  const forward = async (url: string, { headers }: oauth.CustomFetchOptions<'GET'>) => {
    const answer = await send({ kind: 'metadata', url, method: 'GET', headers })
    return new Response(answer.body.toString('utf8'), {
      status: answer.status,
      headers: { 'content-type': String(answer.headers['content-type'] ?? '') },
    })
  }
  return { [oauth.customFetch]: forward as never }
}
