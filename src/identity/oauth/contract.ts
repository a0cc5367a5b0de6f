/** The promise of the OAuth endpoints, data only: forms, replies, errors, endpoints. */
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'
import { endpoint } from '../../http/endpoint.ts'
import { wordOAuth } from './wording.ts'

export const CLIENT_CREDENTIALS = 'client_credentials'
export const REFRESH_TOKEN = 'refresh_token'
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const GRANT_TYPES = [CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE] as const
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** RFC 8693 §3: ours are both. */
export const ACCESS_TOKEN_TYPES = [
  'urn:ietf:params:oauth:token-type:access_token',
  'urn:ietf:params:oauth:token-type:jwt',
] as const

/** Of tokens that are exchanged; they end with their parent all the same. */
export const MAX_EXCHANGED_LIFE_MS = 15 * 60_000
/** Whoever acts for somebody who acts for somebody … */
export const MAX_ACTORS = 3
export const MAX_USES = 1_000_000

/** Permanent: clients act on them. Those of RFC 6749 §5.2, 8707, 9449, and `temporarily_unavailable`. */
export const oauthProblems = {
  invalid_request: { status: 400, title: 'The request lacks something or has too much of it' },
  invalid_client: { status: 401, title: 'The client did not prove who it is' },
  invalid_grant: { status: 400, title: 'The grant is not valid' },
  unauthorized_client: { status: 400, title: 'The client may not use this grant' },
  unsupported_grant_type: { status: 400, title: 'There is no such grant type here' },
  invalid_scope: { status: 400, title: 'The scope is malformed, or more than there is to give' },
  invalid_target: { status: 400, title: 'There is no such audience, or the token may not be for it' },
} as const

export const oauthProblem = problemsOf(oauthProblems)

/** One parameter. RFC 6749 §3.1: what is not known is passed over. */
const text = z.string().max(8_192).optional()
const client = { client_id: text, client_assertion_type: text, client_assertion: text, client_secret: text }

export const TokenForm = z.object({
  ...client,
  grant_type: text,
  scope: text,
  resource: text,
  audience: text,
  refresh_token: text,
  subject_token: text,
  subject_token_type: text,
  actor_token: text,
  actor_token_type: text,
  requested_token_type: text,
  /** Ours: how many calls the token is good for. */
  max_uses: text,
})
export type TokenForm = z.output<typeof TokenForm>

export const TokenFormOfOne = z.object({ ...client, token: text, token_type_hint: text })
export type TokenFormOfOne = z.output<typeof TokenFormOfOne>
export type ClientForm = Pick<TokenForm, keyof typeof client>

export const TokenReply = z.object({
  access_token: z.string(),
  issued_token_type: z.string().optional(),
  token_type: z.enum(['Bearer', 'DPoP']),
  expires_in: z.int(),
  refresh_token: z.string().optional(),
  scope: z.string().optional(),
})
export type TokenReply = z.output<typeof TokenReply>

const seconds = z.number()
export const Introspected = z.object({
  active: z.boolean(),
  scope: z.string().optional(),
  client_id: z.string().optional(),
  token_type: z.enum(['Bearer', 'DPoP']).optional(),
  exp: seconds.optional(),
  iat: seconds.optional(),
  sub: z.string().optional(),
  aud: z.string().optional(),
  iss: z.string().optional(),
  jti: z.string().optional(),
  sid: z.string().optional(),
  cnf: z.object({ jkt: z.string() }).optional(),
  act: z.record(z.string(), z.json()).optional(),
  roles: z.array(z.string()).optional(),
  permissions: z.array(z.string()).optional(),
  trustScore: z.number().optional(),
})
export type Introspected = z.output<typeof Introspected>

const spoken = { caller: 'anyone', form: true, wording: wordOAuth, problems: oauthProblems } as const

export const token = endpoint({
  ...spoken,
  method: 'POST',
  path: '/oauth/token',
  summary: 'Get an access token by private_key_jwt, refresh token or exchange (RFC 6749, 7523, 8693, 8707, 9449)',
  body: TokenForm,
  reply: TokenReply,
})

export const introspect = endpoint({
  ...spoken,
  method: 'POST',
  path: '/oauth/introspect',
  summary: 'What a token says, to the service it is for, to its agent and to operators (RFC 7662)',
  body: TokenFormOfOne,
  reply: Introspected,
})

export const revoke = endpoint({
  ...spoken,
  method: 'POST',
  path: '/oauth/revoke',
  summary: 'End the sign-in that a token belongs to, by showing the token (RFC 7009)',
  body: TokenFormOfOne,
  reply: z.object({}),
})

const made = { method: 'GET', caller: 'anyone', readyMade: true, cacheSeconds: 300, reply: z.looseObject({}) } as const

export const serverMetadata = endpoint({
  ...made,
  path: '/.well-known/oauth-authorization-server',
  summary: 'Where the OAuth endpoints are and what they take (RFC 8414)',
})

export const resourceMetadata = endpoint({
  ...made,
  path: '/.well-known/oauth-protected-resource',
  summary: 'Who issues the tokens that this gateway takes (RFC 9728)',
})
