// What the gate and the proxy say of a call, in the contract's words (§1.3 step 7).
import type { Problem } from '../../ground/problem.ts'
import type { CompiledService } from './compiled-service.ts'
import { rateLimited, refused, VaultRefusal } from './refusal.ts'

const byCode: Readonly<Record<string, string>> = {
  agent_not_active: 'AGENT_REVOKED',
  token_not_live: 'TOKEN_REVOKED',
  token_used_up: 'TOKEN_REVOKED',
  revoked_meanwhile: 'TOKEN_REVOKED',
  service_not_granted: 'POLICY_DENY',
  target_not_allowed: 'POLICY_DENY',
  scope_not_granted: 'POLICY_DENY',
  scope_not_in_token: 'POLICY_DENY',
  grant_not_live: 'POLICY_DENY',
  finding_denies: 'POLICY_DENY',
  rule_denies: 'POLICY_DENY',
  approval_denied: 'POLICY_DENY',
  approval_not_given: 'POLICY_DENY',
  approval_mismatch: 'POLICY_DENY',
  approval_used_up: 'POLICY_DENY',
  target_ambiguous: 'PARAMS_INVALID',
  target_too_long: 'PARAMS_INVALID',
  token_misplaced: 'PARAMS_INVALID',
  credential_in_query: 'PARAMS_INVALID',
}

const recorded = { onRecord: true }
const WAITS = new Set([
  'rate_limited',
  'too_many_in_flight',
  'overloaded',
  'approvals_crowded',
  'approvals_cooling_down',
])
const OURS = new Set(['audit_unavailable', 'storage_full', 'vault_sealed', 'rejected_by_seal', 'internal_error'])

/** Calls that were running when it was taken away. */
const endedBy: Readonly<Record<string, string>> = {
  vault_session_revoked: 'SESSION_REVOKED',
  vault_task_revoked: 'TASK_REVOKED',
  vault_agent_revoked: 'AGENT_REVOKED',
  agent_changed: 'AGENT_REVOKED',
  session_changed: 'TOKEN_REVOKED',
  token_changed: 'TOKEN_REVOKED',
  emergency_revoke: 'TOKEN_REVOKED',
}

/** Everything that is neither ours nor the policy's is the original's `fetch failed`. */
export function wordedDenial(problem: Problem, service: CompiledService): Problem {
  const { code, facts } = problem
  if (problem instanceof VaultRefusal || OURS.has(code)) return problem
  if (WAITS.has(code)) return rateLimited(Number(facts.retryAfterSeconds ?? 1) * 1_000, true)
  if (code === 'credential_not_usable')
    return refused(`MISSING_MASTER_SECRET:${service.definition.secretRef ?? ''}`, recorded)
  if (code === 'approval_required') {
    const { approval } = facts
    return refused(approval === undefined ? 'APPROVAL_REQUIRED' : `APPROVAL_REQUIRED:${approval}`, recorded)
  }
  if (code === 'call_ended') return refused(endedBy[String(facts.reason)] ?? 'fetch failed', recorded)
  return refused(byCode[code] ?? 'fetch failed', recorded)
}
