import type { Question } from './question.ts'

/** The permanent reason of a decision that is not `allow`; the gate turns it into the problem the caller sees. */
export type Reason =
  | 'agent_unknown'
  | 'agent_pending'
  | 'agent_suspended'
  | 'agent_revoked'
  | 'token_revoked'
  | 'token_expired'
  | 'service_unknown'
  | 'origin_not_on_service'
  | 'target_not_allowed'
  | 'protocol_not_carried'
  | 'no_grant'
  | 'scope_not_granted'
  | 'scope_not_in_token'
  | 'token_used_up'
  | 'grant_revoked'
  | 'grant_expired'
  | 'grant_used_up'
  | 'credential_missing'
  | 'credential_expired'
  | 'credential_needs_reauth'
  | 'credential_integrity_failed'
  | 'rate_limited'
  | 'agent_in_flight_limit'
  | 'total_in_flight_limit'
  | 'finding_denies'
  | 'rule_denies'
  | 'approval_required'
  | 'approval_denied'

/** A decision is a plain value: it can be explained and shown, and it opens nothing. */
export interface Decision {
  readonly outcome: 'allow' | 'ask' | 'deny'
  /** The check that decided; `all` when every check passed. */
  readonly check: string
  readonly why: Reason | undefined
}

export type Answer = { readonly say: 'pass' } | { readonly say: 'ask' | 'deny'; readonly why: Reason }
export type Check = (question: Question) => Answer

const pass: Answer = Object.freeze({ say: 'pass' })
const answers = new Map<string, Answer>()

/** Answers are made once a reason, so that a decision allocates nothing per check. */
function answer(say: 'ask' | 'deny', why: Reason): Answer {
  const key = `${say} ${why}`
  let made = answers.get(key)
  if (made === undefined) {
    made = Object.freeze({ say, why })
    answers.set(key, made)
  }
  return made
}

const deny = (why: Reason): Answer => answer('deny', why)

const agentIsActive: Check = ({ agent }) => {
  if (agent === undefined) return deny('agent_unknown')
  if (agent.status === 'active') return pass
  if (agent.status === 'suspended') return deny('agent_suspended')
  return deny(agent.status === 'pending' ? 'agent_pending' : 'agent_revoked')
}

const tokenIsLive: Check = ({ token, now }) => {
  if (token === undefined || token.status !== 'active') return deny('token_revoked')
  return now < token.expiresAt ? pass : deny('token_expired')
}

const serviceIsKnown: Check = ({ serviceKnown }) => (serviceKnown === true ? pass : deny('service_unknown'))

const targetIsOnService: Check = ({ originOnService, resolution }) => {
  if (originOnService !== true) return deny('origin_not_on_service')
  return resolution === undefined ? deny('target_not_allowed') : pass
}

const protocolIsCarried: Check = ({ protocolCarried }) =>
  protocolCarried === true ? pass : deny('protocol_not_carried')

/** Before the target is judged: who has no grant on a service learns nothing of its paths, not even that it exists. */
const anyGrantHeld: Check = ({ anyGrant }) => (anyGrant === true ? pass : deny('no_grant'))

const grantCoversAction: Check = ({ grant }) => (grant === undefined ? deny('scope_not_granted') : pass)

const tokenCoversAction: Check = ({ tokenCovers }) => (tokenCovers === true ? pass : deny('scope_not_in_token'))

const grantIsLive: Check = ({ grant, now }) => {
  if (grant === undefined || grant.status !== 'active') return deny('grant_revoked')
  if (grant.expiresAt !== undefined && !(now < grant.expiresAt)) return deny('grant_expired')
  return grant.uses !== undefined && !(grant.used < grant.uses) ? deny('grant_used_up') : pass
}

const credentialIsUsable: Check = ({ credential }) => {
  if (credential === 'usable' || credential === 'none') return pass
  if (credential === 'expired') return deny('credential_expired')
  if (credential === 'needs_reauth') return deny('credential_needs_reauth')
  return deny(credential === 'integrity_failed' ? 'credential_integrity_failed' : 'credential_missing')
}

const withinLimits: Check = ({ limits }) => {
  if (limits.totalInFlightAllows !== true) return deny('total_in_flight_limit')
  if (limits.agentInFlightAllows !== true) return deny('agent_in_flight_limit')
  return limits.rateAllows === true ? pass : deny('rate_limited')
}

const findingsAllow: Check = ({ findings }) => {
  for (const finding of findings) if (finding.effect === 'deny') return deny('finding_denies')
  return pass
}

/** The last of the denials: where rules cannot tell without the body, all others have passed by then. */
const rulesAllow: Check = ({ rules }) => {
  const effect = rules?.effect
  return effect === 'none' || effect === 'allow' || effect === 'ask' ? pass : deny('rule_denies')
}

const humanApproved: Check = ({ resolution, findings, rules, approval }) => {
  if (approval !== undefined) return approval.verdict === 'approved' ? pass : deny('approval_denied')
  if (resolution?.ask !== undefined || rules?.effect === 'ask') return answer('ask', 'approval_required')
  for (const finding of findings) if (finding.effect === 'ask') return answer('ask', 'approval_required')
  return pass
}

/** Every check, in the order it is asked. The first that does not pass is the decision; denials come before questions. */
export const checks: readonly (readonly [name: string, check: Check])[] = [
  ['agentIsActive', agentIsActive],
  ['tokenIsLive', tokenIsLive],
  ['serviceIsKnown', serviceIsKnown],
  ['anyGrantHeld', anyGrantHeld],
  ['targetIsOnService', targetIsOnService],
  ['protocolIsCarried', protocolIsCarried],
  ['grantCoversAction', grantCoversAction],
  ['tokenCoversAction', tokenCoversAction],
  ['grantIsLive', grantIsLive],
  ['credentialIsUsable', credentialIsUsable],
  ['withinLimits', withinLimits],
  ['findingsAllow', findingsAllow],
  ['rulesAllow', rulesAllow],
  ['humanApproved', humanApproved],
]

const allowed: Decision = Object.freeze({ outcome: 'allow', check: 'all', why: undefined })

/** The decision: a pure function of the question. */
export function decide(question: Question): Decision {
  for (const [name, check] of checks) {
    const given = check(question)
    if (given.say !== 'pass') return { outcome: given.say, check: name, why: given.why }
  }
  return allowed
}

/** What a check judges, some other check has found. Where that one did not pass, there is nothing to judge. */
const restsOn: Readonly<Record<string, readonly string[]>> = {
  anyGrantHeld: ['serviceIsKnown'],
  targetIsOnService: ['serviceIsKnown'],
  grantCoversAction: ['anyGrantHeld', 'targetIsOnService'],
  tokenCoversAction: ['grantCoversAction'],
  grantIsLive: ['grantCoversAction'],
  credentialIsUsable: ['grantCoversAction'],
  rulesAllow: ['grantCoversAction'],
}

/**
 * What the checks answer, for `explain`: the first that does not pass is the decision. Those after it are there too, so
 * that everything can be mended at once, but not where they would only repeat what is missing already.
 */
export function explain(question: Question): readonly { check: string; say: Answer['say']; why?: Reason }[] {
  const lines: { check: string; say: Answer['say']; why?: Reason }[] = []
  const passed = new Set<string>()
  for (const [check, ask] of checks) {
    if (restsOn[check]?.every((found) => passed.has(found)) === false) continue
    const given = ask(question)
    if (given.say === 'pass') passed.add(check)
    lines.push(given.say === 'pass' ? { check, say: given.say } : { check, say: given.say, why: given.why })
  }
  return lines
}
