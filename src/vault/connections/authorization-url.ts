import * as oauth from 'oauth4webapi'
import type { ReadyServer } from './authorization-server.ts'
import type { NewConnect } from './connect-shapes.ts'
import { scopeText } from './token-request.ts'

interface Asked {
  readonly input: NewConnect
  readonly server: ReadyServer
  readonly state: string
  readonly verifier: string
}

/** RFC 6749 §4.1.1 with PKCE (RFC 7636): what the operator's browser is sent to. What the service adds cannot replace any of it. */
export async function authorizationUrl({ input, server, state, verifier }: Asked): Promise<string> {
  const url = new URL(server.authorization_endpoint as string)
  const asked = {
    ...input.oauth?.parameters,
    ...scopeOf(input),
    response_type: 'code',
    client_id: input.clientId,
    redirect_uri: input.redirectUri as string,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
  return url.href
}

export function scopeOf({ scopes, oauth: places }: NewConnect): { scope?: string } {
  const scope = scopeText(scopes ?? places?.scopes)
  return scope === undefined || scope === '' ? {} : { scope }
}
