import type { Found } from './finding.ts'

/**
 * A key that was given for one agent and is, or was, another's: whoever holds it is both, or one copied it. `others` are
 * the ids of the agents that have it too.
 */
export function keyReuse(thumbprint: string, others: readonly string[]): Found | undefined {
  if (others.length === 0) return undefined
  const shown = others.slice(0, 10).join(' ')
  return { type: 'key_reuse', riskScore: 7, details: { thumbprint, agents: shown }, about: thumbprint }
}

/** A refresh token that was used before: the agent or somebody else has an old copy. Its family is revoked already. */
export function refreshReuse(family: string, from: string | undefined): Found {
  return {
    type: 'refresh_reuse',
    riskScore: 9,
    details: { family, ...(from !== undefined && { address: from }) },
    about: family,
  }
}
