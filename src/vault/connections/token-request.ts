// The requests that bring a new access token, for each kind of connection. What they send goes to the token endpoint that
// was checked, through http/outbound.ts, and nowhere else.

import { createPrivateKey } from 'node:crypto'
import { importPKCS8, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import type { Clock } from '../../ground/clock.ts'
import { isCredentialText } from '../../ground/credential-text.ts'
import type { OutboundAnswer, OutboundKind, OutboundRequest } from '../../http/outbound.ts'
import type { SealedConnection } from './contract.ts'
import { failureOfStatus, RenewalFailure } from './failure.ts'
import { tokenUrlOf } from './places.ts'
import { type Renewed, refreshTokenOf } from './sealed.ts'

type Of<K extends SealedConnection['kind']> = Extract<SealedConnection, { kind: K }>

/** Sends one request to the places of one service. */
export type Send = (
  request: Pick<OutboundRequest, 'url' | 'method' | 'headers' | 'body'> & { kind: OutboundKind },
) => Promise<OutboundAnswer>

/** RFC 6749 §5.1 leaves open what no `expires_in` means: an hour is what most mean. */
const DEFAULT_SECONDS = 3_600
/** GitHub takes ten minutes at most, and clocks differ. */
const ASSERTION_SECONDS = 300

/** Rejects with RenewalFailure, or what failureOf() makes one of. */
export async function requestToken(connection: SealedConnection, send: Send, clock: Clock): Promise<Renewed> {
  switch (connection.kind) {
    case 'oauth':
      return refreshed(connection, send, clock)
    case 'client_credentials':
      return byClientCredentials(connection, send, clock)
    case 'google_service_account':
      return byServiceAccount(connection, send, clock)
    case 'github_app':
      return byGitHubApp(connection, send, clock)
  }
}

async function refreshed(connection: Of<'oauth'>, send: Send, clock: Clock): Promise<Renewed> {
  const refreshToken = refreshTokenOf(connection)
  if (refreshToken === undefined) throw new RenewalFailure('refused', 'no_refresh_token')
  const { as, client, auth } = clientOf(connection)
  const response = await oauth.refreshTokenGrantRequest(as, client, auth, refreshToken, through(send))
  return renewedBy(await oauth.processRefreshTokenResponse(as, client, response, tolerant), clock)
}

async function byClientCredentials(connection: Of<'client_credentials'>, send: Send, clock: Clock): Promise<Renewed> {
  const { as, client, auth } = clientOf(connection)
  const { audience } = connection
  const scope = scopeText(connection.scopes)
  const parameters = { ...(scope !== undefined && { scope }), ...(audience !== undefined && { audience }) }
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, through(send))
  return renewedBy(await oauth.processClientCredentialsResponse(as, client, response, tolerant), clock)
}

/** RFC 7523 §2.1, as Google describes it for service accounts. */
async function byServiceAccount(connection: Of<'google_service_account'>, send: Send, clock: Clock): Promise<Renewed> {
  const { clientEmail, privateKeyId, subject, scopes } = connection
  const tokenUrl = tokenUrlOf(connection)
  const scope = scopeText(scopes) ?? ''
  const assertion = await signed(connection.privateKey, clock, {
    claims: { scope, ...(subject !== undefined && { sub: subject }) },
    issuer: clientEmail,
    audience: tokenUrl,
    keyId: privateKeyId,
  })
  const as = { issuer: tokenUrl, token_endpoint: tokenUrl }
  const client = { client_id: clientEmail }
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  const response = await oauth.genericTokenEndpointRequest(as, client, nobody, grant, { assertion }, through(send))
  return renewedBy(await oauth.processGenericTokenEndpointResponse(as, client, response, tolerant), clock)
}

/** `POST /app/installations/{id}/access_tokens`, with a JWT of the app. */
async function byGitHubApp(connection: Of<'github_app'>, send: Send, clock: Clock): Promise<Renewed> {
  const { appId, privateKey, repositories, permissions } = connection
  const jwt = await signed(privateKey, clock, { claims: {}, issuer: appId })
  const narrowed = { ...(repositories && { repositories }), ...(permissions && { permissions }) }
  const { status, body } = await send({
    kind: 'token',
    method: 'POST',
    url: tokenUrlOf(connection),
    headers: {
      authorization: `Bearer ${jwt}`,
      accept: 'application/vnd.github+json',
      'content-type': 'application/json',
      'x-github-api-version': '2022-11-28',
      'user-agent': 'claviger',
    },
    body: JSON.stringify(narrowed),
  })
  if (status !== 201) throw failureOfStatus(status)
  const said = jsonOf(body) as { token?: unknown; expires_at?: unknown } | undefined
  const endsAt = typeof said?.expires_at === 'string' ? Date.parse(said.expires_at) : Number.NaN
  if (typeof said?.token !== 'string' || Number.isNaN(endsAt)) throw unusable()
  return { accessToken: usable(said.token), endsAt }
}

interface Said {
  readonly claims: Record<string, string>
  readonly issuer: string
  readonly audience?: string
  readonly keyId?: string | undefined
}

/** RS256: the one algorithm that both take. A minute of the past for clocks that go behind ours. */
async function signed(pem: string, clock: Clock, { claims, issuer, audience, keyId }: Said): Promise<string> {
  const key = await importPKCS8(pkcs8(pem), 'RS256')
  const now = Math.floor(clock.now() / 1_000)
  const jwt = new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) })
    .setIssuer(issuer)
    .setIssuedAt(now - 60)
    .setExpirationTime(now + ASSERTION_SECONDS)
  return (audience === undefined ? jwt : jwt.setAudience(audience)).sign(key)
}

/** Throws RenewalFailure for what is no RSA key. GitHub gives PKCS#1, which WebCrypto does not read. */
export function pkcs8(pem: string): string {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'rsa') return key.export({ format: 'pem', type: 'pkcs8' }) as string
  } catch (cause) {
    throw new RenewalFailure('refused', 'private_key_unusable', cause)
  }
  throw new RenewalFailure('refused', 'private_key_unusable')
}

interface ClientOf {
  readonly tokenUrl: string
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  readonly clientAuth?: 'post' | 'basic' | 'none' | undefined
}

/** The client as it shows itself at a token endpoint; without an id it shows nothing. */
export function clientOf({ tokenUrl, clientId, clientSecret, clientAuth }: ClientOf) {
  const as: oauth.AuthorizationServer = { issuer: tokenUrl, token_endpoint: tokenUrl }
  const client: oauth.Client = { client_id: clientId ?? 'none' }
  return { as, client, auth: authOf(clientId, clientSecret, clientAuth) }
}

function authOf(id: string | undefined, secret: string | undefined, way: ClientOf['clientAuth']): oauth.ClientAuth {
  if (id === undefined) return nobody
  if (secret === undefined || way === 'none') return oauth.None()
  return way === 'basic' ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret)
}

const nobody: oauth.ClientAuth = () => {}

/** Slack's words for the kinds of its bearer tokens. */
export const tolerant: oauth.ProcessTokenResponseOptions = { recognizedTokenTypes: { bot: () => {}, user: () => {} } }

/** Has oauth4webapi send by the gateway's own client. */
export function through(send: Send): { [oauth.customFetch]: never } {
  const forward = async (url: string, { method, headers, body }: oauth.CustomFetchOptions<'POST', URLSearchParams>) => {
    const text = body?.toString() ?? ''
    const answer = await send({ kind: 'token', url, method, headers, body: text })
    return responseOf(answer)
  }
  return { [oauth.customFetch]: forward as never }
}

/**
 * What came, as the library reads it. An ID token is left out: nobody here asks who signed in, and what is not used need
 * not be verified. GitHub says no with 200: that is put right.
 */
function responseOf({ status, headers, body }: OutboundAnswer): Response {
  if (status < 200 || status > 599 || status === 204 || status === 304) throw failureOfStatus(status)
  const type = headers['content-type']
  const said = jsonOf(body)
  if (said === undefined) throw status === 200 ? unusable() : failureOfStatus(status)
  const { id_token: _, ...rest } = said as Record<string, unknown>
  if (status >= 300 && typeof rest.error !== 'string') throw failureOfStatus(status)
  const no = typeof rest.error === 'string' && rest.access_token === undefined
  return new Response(JSON.stringify(rest), {
    status: no && status === 200 ? 400 : status,
    headers: { 'content-type': typeof type === 'string' ? type : 'application/json' },
  })
}

function jsonOf(body: Buffer): object | undefined {
  try {
    const said: unknown = JSON.parse(body.toString('utf8'))
    return typeof said === 'object' && said !== null && !Array.isArray(said) ? said : undefined
  } catch {
    return undefined
  }
}

/** What a token endpoint gave. Throws RenewalFailure for a token that no request can carry. */
export function renewedBy(said: oauth.TokenEndpointResponse, clock: Clock): Renewed {
  const seconds = said.expires_in ?? DEFAULT_SECONDS
  const endsAt = clock.now() + Math.min(seconds, 365 * 86_400) * 1_000
  const accessToken = usable(said.access_token)
  const refreshToken = said.refresh_token
  return refreshToken === undefined
    ? { accessToken, endsAt }
    : { accessToken, refreshToken: usable(refreshToken), endsAt }
}

function usable(token: string): string {
  if (token.length < 8 || token.length > 16_384 || !isCredentialText(Buffer.from(token, 'utf8'))) throw unusable()
  return token
}

function unusable(): RenewalFailure {
  return new RenewalFailure('unavailable', 'answer_unusable')
}

export function scopeText(scopes: string | readonly string[] | undefined): string | undefined {
  return scopes === undefined || typeof scopes === 'string' ? scopes : scopes.join(' ')
}
