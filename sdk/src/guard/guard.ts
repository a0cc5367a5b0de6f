// What Express's and Fastify's guards share: reads the credentials of a request, has them judged, words the refusal (RFC 6750, RFC 9449).
import { hasCode } from '../claviger-error.ts'
import type { Claims, TokenFault } from '../verify/claims.ts'
import type { Verifier, VerifyRequest } from '../verify/verifier.ts'

export interface GuardOptions {
  readonly verifier: Verifier
  /** Scopes that the token must name, all of them. An agent names its own: they bound a token and give nothing. */
  readonly scopes?: readonly string[]
  /** Permissions that the agent must have here by its roles, all of them, as they were when the token was issued. */
  readonly permissions?: readonly string[]
  /** `https://api.example.com`: what clients see of this service. Without it tokens that are bound to a key are refused. */
  readonly origin?: string
  /** The nonce for the next DPoP proof, where the verifier wants one. */
  readonly nonce?: () => string | Promise<string>
}

/** What this needs of Node's request. */
export interface IncomingHead {
  readonly method?: string | undefined
  readonly rawHeaders: readonly string[]
}

export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** application/problem+json (RFC 9457). */
  readonly body: string
}

export type Judged = { readonly claims: Claims } | { readonly refusal: Refusal }

interface Credentials {
  readonly scheme: 'Bearer' | 'DPoP'
  readonly token: string
}

const PATTERN = /^(Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i
const ORIGIN = /^https?:\/\/[^/?#@]+$/

/** `path` is the path and query as the client sent them. */
export async function judge(options: GuardOptions, head: IncomingHead, path: string): Promise<Judged> {
  const given = valuesOf(head, 'authorization')
  if (given.length === 0) return refuse(options, 401, 'token_missing', 'This needs an agent’s token')
  const credentials = given.length === 1 ? read(given[0] as string) : undefined
  if (credentials === undefined) {
    return refuse(options, 400, 'authorization_invalid', 'The Authorization header cannot be read', 'invalid_request')
  }
  try {
    const request = requestOf(options, head, path, credentials)
    const verified = await options.verifier.verify(credentials.token, request, options.scopes)
    if (!verified.valid) return refuseFault(options, verified.error)
    const { claims } = verified
    return isPermitted(claims, options) ? { claims } : problem(403, 'permission_missing', 'The agent may not do this')
  } catch (error) {
    // Nothing can be said about the token: that is no reason to believe it.
    const known = ['jwks_unavailable', 'introspection_unavailable', 'replay_guard_full']
    if (!hasCode(error, ...known)) throw error
    return problem(503, error.code, error.message, { 'retry-after': '5' })
  }
}

/** Throws TypeError for options that cannot be meant. */
export function checkOptions({ origin }: GuardOptions): void {
  if (origin !== undefined && !ORIGIN.test(origin)) throw new TypeError(`origin: https://host is wanted, not ${origin}`)
}

function isPermitted({ permissions: held }: Claims, { permissions = [] }: GuardOptions): boolean {
  return permissions.every((wanted) => Array.isArray(held) && held.includes(wanted))
}

function read(header: string): Credentials | undefined {
  const [, scheme = '', token = ''] = PATTERN.exec(header) ?? []
  return token === '' ? undefined : { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}

function requestOf(
  { origin }: GuardOptions,
  head: IncomingHead,
  path: string,
  { scheme }: Credentials,
): VerifyRequest | undefined {
  if (origin === undefined) return scheme === 'Bearer' ? { scheme, method: '', url: '', proofs: [] } : undefined
  const proofs = valuesOf(head, 'dpop')
  return { scheme, method: head.method ?? '', url: `${origin}${path.startsWith('/') ? path : '/'}`, proofs }
}

/** Each value by itself: Node joins or drops repeated headers, and two readers must not see different ones. */
function valuesOf({ rawHeaders }: IncomingHead, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)
}

async function refuseFault(options: GuardOptions, fault: TokenFault): Promise<Judged> {
  if (fault === 'insufficient_scope') {
    return refuse(options, 403, 'scope_missing', 'The token does not allow this', 'insufficient_scope')
  }
  if (fault === 'nonce_wanted') {
    const nonce = await options.nonce?.()
    const headers = nonce === undefined ? undefined : { 'dpop-nonce': nonce }
    return refuse(options, 401, 'use_dpop_nonce', 'The proof needs this server’s nonce', 'use_dpop_nonce', headers)
  }
  const error = /^proof_/.test(fault) ? 'invalid_dpop_proof' : 'invalid_token'
  return refuse(options, 401, `token_${fault}`, 'The token is not accepted', error)
}

function refuse(
  { scopes = [], origin }: GuardOptions,
  status: number,
  code: string,
  title: string,
  error?: string,
  headers: Readonly<Record<string, string>> = {},
): Judged {
  const said = [
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`]),
  ]
  const schemes = [
    challenge('Bearer', said),
    ...(origin === undefined ? [] : [challenge('DPoP', [...said, 'algs="ES256"'])]),
  ]
  return problem(status, code, title, { 'www-authenticate': schemes.join(', '), ...headers })
}

function challenge(scheme: string, parameters: readonly string[]): string {
  return parameters.length === 0 ? scheme : `${scheme} ${parameters.join(', ')}`
}

function problem(status: number, code: string, title: string, headers: Readonly<Record<string, string>> = {}): Judged {
  const body = JSON.stringify({ type: 'about:blank', title, status, code })
  return { refusal: { status, headers: { 'content-type': 'application/problem+json', ...headers }, body } }
}
