import type { Found } from './finding.ts'
import type { Place, Sighting } from './place.ts'

const DAY_MS = 86_400_000

/** An agent that did not sign in for `dormantDays` and does now. 0 days: never. */
export function dormantAgent(previous: Place | undefined, seen: Sighting, dormantDays: number): Found | undefined {
  if (previous === undefined || dormantDays === 0) return undefined
  const days = Math.floor((seen.at - previous.lastAt) / DAY_MS)
  if (days < dormantDays) return undefined
  return {
    type: 'dormant_agent',
    riskScore: previous.network === seen.network ? 5 : 7,
    details: { days, lastSuccess: new Date(previous.lastAt).toISOString() },
    about: '',
  }
}
