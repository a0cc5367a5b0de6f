/**
 * Connections: credentials that the gateway renews itself. Data only. What an operator registers, what is kept beside the
 * sealed part, and the problems. Times are milliseconds since 1970.
 */
import { z } from 'zod'

export const connectionKinds = ['oauth', 'client_credentials', 'github_app', 'google_service_account'] as const
export const ConnectionKind = z.enum(connectionKinds)
export type ConnectionKind = z.output<typeof ConnectionKind>

const MAX_TOKEN = 16_384
const Token = z.string().min(8).max(MAX_TOKEN)
const Name = z.string().min(1).max(512)
const Url = z.string().min(1).max(2_048)
const Scopes = z.union([z.string().max(4_096), z.array(z.string().min(1).max(256)).max(128)])
/** PKCS#8 (RFC 5958) or, as GitHub gives them, PKCS#1. */
const PrivateKey = z.string().min(64).max(MAX_TOKEN)

/** How the client shows its secret at the token endpoint (RFC 6749 §2.3.1). */
export const ClientAuth = z.enum(['post', 'basic', 'none'])

/** A moment: milliseconds since 1970, or ISO 8601. Seconds since 1970 are refused: they would be a day in 1970. */
const Moment = z.union([
  z.int().min(100_000_000_000, 'milliseconds since 1970, not seconds'),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
])

const client = { clientId: Name.optional(), clientSecret: Token.optional(), clientAuth: ClientAuth.optional() }

/** A token set as OAuth 2.0 clients keep it. */
export const OAuthSet = z.strictObject({
  kind: z.literal('oauth'),
  accessToken: Token,
  refreshToken: Token.optional(),
  expiresAt: Moment.optional(),
  tokenUrl: Url,
  ...client,
  scopes: Scopes.optional(),
})

/** RFC 6749 §4.4. */
export const ClientCredentials = z.strictObject({
  kind: z.literal('client_credentials'),
  tokenUrl: Url,
  clientId: Name,
  clientSecret: Token,
  clientAuth: ClientAuth.optional(),
  scopes: Scopes.optional(),
  /** As some servers want it (Auth0, for one). */
  audience: Name.optional(),
})

/** Installation access tokens of a GitHub App. */
export const GitHubApp = z.strictObject({
  kind: z.literal('github_app'),
  /** The client id or the id of the app. */
  appId: z.union([z.string().min(1).max(64), z.int().positive().transform(String)]),
  installationId: z.union([z.string().regex(/^[0-9]{1,20}$/), z.int().positive().transform(String)]),
  privateKey: PrivateKey,
  /** `https://api.github.com` unless the app lives on a GitHub Enterprise Server. */
  apiUrl: Url.optional(),
  /** Only these repositories, by name. */
  repositories: z.array(Name).min(1).max(500).optional(),
  /** Only these permissions: `{"contents": "read"}`. */
  permissions: z.record(z.string().min(1).max(64), z.enum(['read', 'write', 'admin'])).optional(),
})

/** A service account of Google: access tokens for a signed JWT (RFC 7523). */
export const GoogleServiceAccount = z.strictObject({
  kind: z.literal('google_service_account'),
  clientEmail: Name,
  privateKey: PrivateKey,
  privateKeyId: Name.optional(),
  /** `https://oauth2.googleapis.com/token` unless the key file says otherwise. */
  tokenUrl: Url.optional(),
  scopes: Scopes,
  /** The user that it acts for (domain-wide delegation). */
  subject: Name.optional(),
})

export const ConnectionInput = z.discriminatedUnion('kind', [
  OAuthSet,
  ClientCredentials,
  GitHubApp,
  GoogleServiceAccount,
])
export type ConnectionInput = z.output<typeof ConnectionInput>

/** What is sealed: everything that must not be seen, and what it is good for only together with that. */
export type SealedConnection = ConnectionInput & {
  /** The current access token; undefined before the first was minted. */
  readonly accessToken?: string | undefined
  /** Tokens of the generation before: an answer may still hold them. */
  readonly before?: readonly string[]
}

/** What is kept beside the sealed part, in the credential's authenticated row. */
export const ConnectionFacts = z.strictObject({
  kind: ConnectionKind,
  /** Counts token sets: what was read with one number is old when the row says another. */
  generation: z.int().positive(),
  /** Where tokens come from: an origin. */
  tokenOrigin: z.string(),
  /** Why a human must connect it anew; undefined while it renews itself. */
  needsReauth: z.string().optional(),
  /** End of the access token; undefined if it has none, 0 if there is no token yet. */
  endsAt: z.int().nonnegative().optional(),
  /** From here on a call renews it first. */
  renewAt: z.int().nonnegative().optional(),
  renewedAt: z.int().nonnegative().optional(),
  /** There is nothing to renew it with. */
  fixed: z.literal(true).optional(),
})
export type ConnectionFacts = z.output<typeof ConnectionFacts>

export const connectionProblems = {
  connection_invalid: {
    status: 422,
    title: 'The connection cannot be described like that',
    hint: 'See the guide on connections for the members of each kind.',
  },
  token_url_refused: {
    status: 422,
    title: 'Tokens may not come from there',
    hint: 'Use https, and an origin of the service, or name it in the `oauth` part of the service.',
  },
  credential_is_connection: {
    status: 409,
    title: 'This credential renews itself: it has no secret to rotate by hand',
    hint: 'Register it anew: claviger connect, or claviger connection add --replace',
  },
  credential_not_connection: {
    status: 409,
    title: 'This credential does not renew itself',
    hint: 'Give it a new secret: claviger credential rotate',
  },
  connect_unsupported: {
    status: 422,
    title: 'The service does not say where an account is connected',
    hint: 'Name authorizationUrl and tokenUrl (or deviceUrl, or an issuer with metadata) in the `oauth` part of the service.',
  },
  connect_unknown: {
    status: 404,
    title: 'There is nothing to finish here',
    hint: 'It is good once, for ten minutes, and for the operator who began: claviger connect',
  },
  connect_failed: { status: 502, title: 'The account was not connected', hint: 'Try again: claviger connect' },
  redirect_refused: {
    status: 422,
    title: 'The browser may not be sent back there',
    hint: 'Use a port of this machine: http://127.0.0.1:PORT/callback',
  },
  credential_needs_reauth: {
    status: 503,
    title: 'The credential must be connected anew: its provider gives no more tokens for it',
    hint: 'An operator can do it: claviger connect, or claviger connection add --replace',
  },
  credential_refresh_failed: {
    status: 503,
    title: 'No new access token could be had for this credential',
    hint: 'Try again later; an operator can see why with claviger audit tail',
  },
} as const
