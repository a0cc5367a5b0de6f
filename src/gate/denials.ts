import { type Problem, type ProblemFacts, problemsOf } from '../ground/problem.ts'
import type { Reason } from '../policy/decide.ts'

/**
 * What the caller sees for each reason. An unknown service and one the agent has no grant on look the same, so that
 * an agent cannot list what it was not given; the record and `explain` keep the true reason.
 */
export const denialProblems = {
  agent_not_active: {
    status: 403,
    title: 'The agent is not active',
    hint: 'An operator can see why with `claviger agent list` and end a lock with `claviger agent unlock`.',
  },
  token_not_live: {
    status: 401,
    title: 'The token is expired or revoked',
    hint: 'Sign in again (`claviger login`), or have one issued with `claviger token issue <agent>`.',
  },
  service_not_granted: {
    status: 403,
    title: 'This agent has no grant on a service of that name',
    hint: 'An operator can give one with `claviger grant <agent> <service> --scope <service>:<scope>`.',
  },
  target_not_allowed: {
    status: 403,
    title: 'The service does not allow this method, path or origin',
    hint: 'See `claviger service show <service>` for its origins, paths and actions.',
  },
  protocol_not_carried: {
    status: 403,
    title: 'The call asks to go on in a protocol that is not carried',
    hint: 'Leave out Upgrade. WebSockets are carried, asked for as RFC 6455 has it.',
  },
  scope_not_granted: {
    status: 403,
    title: 'No grant of this agent covers this action',
    hint: 'An operator can widen it with `claviger grant`; `claviger explain` says which scopes are required.',
  },
  scope_not_in_token: {
    status: 403,
    title: 'The scope of this token leaves this action out',
    hint: 'Ask for a token with a wider scope, within what the agent was granted.',
  },
  token_used_up: {
    status: 401,
    title: 'The token was good for so many calls, and they were made',
    hint: 'Exchange a new one.',
  },
  grant_not_live: {
    status: 403,
    title: 'The grant is revoked, expired or used up',
    hint: 'An operator can give a new one with `claviger grant`.',
  },
  credential_not_usable: {
    status: 503,
    title: 'The credential for this call is missing, expired or damaged',
    hint: 'An operator can store or rotate it: `claviger store`, `claviger credential rotate`.',
  },
  credential_needs_reauth: {
    status: 503,
    title: 'The provider gives no more tokens for the credential of this call',
    hint: 'An operator must connect it anew: `claviger connect`, or `claviger connection add --replace`.',
  },
  rate_limited: { status: 429, title: 'The grant allows no more calls in this minute' },
  too_many_in_flight: {
    status: 429,
    title: 'This agent has too many calls in flight',
    hint: 'Wait for running calls to end.',
  },
  overloaded: { status: 503, title: 'The gateway carries as many calls as it may', hint: 'Try again in a moment.' },
  finding_denies: { status: 403, title: 'The guard found something in this call that policy refuses' },
  rule_denies: {
    status: 403,
    title: 'A rule of the operator refuses this call',
    hint: 'An operator can see which, and why: `claviger rule explain`.',
  },
  approval_required: {
    status: 403,
    title: 'A human must approve this action',
    hint: 'Send the identical request again: it passes once after a yes. An operator answers with `claviger pending`.',
  },
  approval_denied: {
    status: 403,
    title: 'A human denied this action',
    hint: 'Asking the same again does not help today.',
  },
  approval_not_given: {
    status: 403,
    title: 'Nobody approved this action in time',
    hint: 'Send the identical request again to ask anew.',
  },
  approval_mismatch: {
    status: 403,
    title: 'What would be sent is not what a human approved',
    hint: 'Something of the call changed meanwhile: its service, credential, rules or grant. Ask anew.',
  },
  approval_used_up: { status: 403, title: 'The approval of this action was used already' },
  async_refused: {
    status: 422,
    title: 'The call cannot be sent later for this caller: who it is could not be checked again by then',
    hint: 'Leave out Prefer: respond-async, or come with an agent key (clv_ak_…). What a signed token, a proof of possession or a listener shows is good now.',
  },
  revoked_meanwhile: { status: 403, title: 'What allowed this call was revoked while it waited' },
  rejected_by_seal: {
    status: 503,
    title: 'The vault was sealed',
    hint: 'An operator must unseal it: `claviger unseal`.',
  },
} as const

export const denialProblem = problemsOf(denialProblems)

const codes: Readonly<Record<Reason, keyof typeof denialProblems>> = {
  agent_unknown: 'agent_not_active',
  agent_pending: 'agent_not_active',
  agent_suspended: 'agent_not_active',
  agent_revoked: 'agent_not_active',
  token_revoked: 'token_not_live',
  token_expired: 'token_not_live',
  service_unknown: 'service_not_granted',
  no_grant: 'service_not_granted',
  origin_not_on_service: 'target_not_allowed',
  target_not_allowed: 'target_not_allowed',
  protocol_not_carried: 'protocol_not_carried',
  scope_not_granted: 'scope_not_granted',
  scope_not_in_token: 'scope_not_in_token',
  token_used_up: 'token_used_up',
  grant_revoked: 'grant_not_live',
  grant_expired: 'grant_not_live',
  grant_used_up: 'grant_not_live',
  credential_missing: 'credential_not_usable',
  credential_expired: 'credential_not_usable',
  credential_needs_reauth: 'credential_needs_reauth',
  credential_integrity_failed: 'credential_not_usable',
  rate_limited: 'rate_limited',
  agent_in_flight_limit: 'too_many_in_flight',
  total_in_flight_limit: 'overloaded',
  finding_denies: 'finding_denies',
  rule_denies: 'rule_denies',
  approval_required: 'approval_required',
  approval_denied: 'approval_denied',
}

/** The problem for a reason; `facts` may name what would make the call pass (scopes, seconds). */
export function denial(reason: Reason, facts: ProblemFacts = {}): Problem {
  return denialProblem(codes[reason], { facts })
}
