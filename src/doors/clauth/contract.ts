/** What the Clauth dialect promises, data only: versions, numbers, texts (clauth.md). */
import { problemsOf } from '../../ground/problem.ts'

export const CONTRACT_VERSION = '0.1.0'
export const MAX_BODY_BYTES = 1_048_576
export const SESSION_TTL_SECONDS = 3_600
export const DEFAULT_RPM = 60
export const SKILL_TOKEN_HEADER = 'x-clauth-skill-token'
export const ADMIN_TOKEN_HEADER = 'x-clauth-admin-token'
/** A caller that sends `1` here gets bodies of types that end in `+json` parsed, too. */
export const PARSE_HEADER = 'x-claviger-parse'

/** Refusals of the door itself; `detail` is the contract's text, word for word. */
const clauthProblems = {
  clauth_unauthorized: { status: 401, title: 'The caller is not known' },
  clauth_admin_disabled: { status: 503, title: 'CLAUTH_ADMIN_TOKEN is not configured' },
  clauth_denied: { status: 403, title: 'The call is not allowed' },
  clauth_forbidden: { status: 403, title: 'The caller may not come here' },
  clauth_not_found: { status: 404, title: 'There is no such thing' },
  clauth_invalid: { status: 422, title: 'The request cannot be used' },
  clauth_skill_named_itself: { status: 409, title: 'An agent gave itself the name of this skill' },
} as const

export const clauthProblem = problemsOf(clauthProblems)

const refusalOf = (code: keyof typeof clauthProblems) => (detail: string, retryAfterSeconds?: number) =>
  clauthProblem(code, { detail, ...(retryAfterSeconds !== undefined && { facts: { retryAfterSeconds } }) })

export const unauthorized = refusalOf('clauth_unauthorized')
export const denied = refusalOf('clauth_denied')
export const notFound = refusalOf('clauth_not_found')
export const invalid = refusalOf('clauth_invalid')

/** For a skill whose name an agent took by itself, so that what is given to the skill is not given to a stranger. */
export function namedItself(skillId: string, agent: string) {
  const hint = `If that agent is the skill, name it by its id once: ${agent}. If not: claviger agent revoke ${skillId}, then erase`
  return clauthProblem('clauth_skill_named_itself', { hint, facts: { skillId, agent } })
}

export const texts = {
  blankSkill: 'skillId is required when skill token auth is enabled',
  missingToken: 'Missing skill token',
  invalidToken: 'Invalid skill token',
  missingFields: 'skillId, provider, credentialHandle, scope, endpoint, and method are required.',
  endpoint: 'endpoint must be a valid URL.',
  https: 'Only HTTPS endpoints are allowed. Set hardening.enforceHttps to false to allow HTTP.',
  scope: 'Scope must follow provider:action format.',
  skillId: 'skillId is required',
  url: 'url is required',
  tokenOrJti: 'token or jti is required',
  upstream: 'Failed to execute provider request',
  locked: 'Vault is locked',
} as const
