import type { Problem } from '../../ground/problem.ts'
import { denied, invalid, notFound } from './contract.ts'
import type { AskedCall, ClauthNeeds } from './needs.ts'

/** What the gate refuses a call with before anything is sent. */
const DENIALS: ReadonlySet<string> = new Set([
  'service_not_granted',
  'target_not_allowed',
  'scope_not_granted',
  'scope_not_in_token',
  'grant_not_live',
  'credential_not_usable',
  'rate_limited',
])

/**
 * The refusal of a call in the words of the first row of clauth.md §2.2 that it fails. The gate has decided, and recorded
 * it; what is looked at here only chooses the words.
 */
export function inRows(problem: Problem, call: AskedCall, needs: ClauthNeeds): Problem {
  const hosts = () => needs.standingOf(call).hosts
  if (problem.code === 'address_refused') return hostRefused(call, hosts())
  if (!DENIALS.has(problem.code)) return problem
  const { skillId, provider, handle, label } = call
  const standing = needs.standingOf(call)
  if (!standing.granted)
    return denied(`No active grant for skill '${skillId}' provider '${provider}' scope '${label.text}'.`)
  if (standing.waitMs > 0 || problem.code === 'rate_limited') {
    const text = `Rate limit exceeded for skill '${skillId}' (${standing.rpm ?? 0}/min).`
    return denied(text, secondsOf(standing.waitMs))
  }
  if (standing.handle === 'unknown') return notFound(`Credential handle '${handle}' not found.`)
  if (standing.handle === 'expired') return notFound(`Credential handle '${handle}' has expired.`)
  if (standing.handle === 'foreign')
    return denied(`Credential handle '${handle}' does not match provider '${provider}'.`)
  if (standing.handle === 'kept') return denied(`Credential handle '${handle}' is not granted to skill '${skillId}'.`)
  if (!standing.onProvider) return hostRefused(call, standing.hosts)
  return problem.code === 'target_not_allowed' ? denied(`Provider '${provider}' does not allow this path.`) : problem
}

function hostRefused({ host, provider }: AskedCall, hosts: readonly string[]): Problem {
  return invalid(`Endpoint host '${host}' is not allowed for provider '${provider}'. Allowed: ${hosts.join(', ')}`)
}

function secondsOf(waitMs: number): number {
  return Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1_000)) : 86_400
}
