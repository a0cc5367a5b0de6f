import type { Found } from './finding.ts'
import type { Past, Sighting } from './place.ts'

/**
 * A network that this agent never succeeded from. Nothing is found while the agent is being learnt, which is `learningMs`
 * from the oldest place that is remembered: an agent that comes from everywhere is never learnt, and makes no noise.
 */
export function newNetwork(past: Past, seen: Sighting, learningMs: number): Found | undefined {
  const places = [...past.places.values()]
  if (places.length === 0 || past.places.has(seen.network)) return undefined
  const since = Math.min(...places.map(({ firstAt }) => firstAt))
  if (seen.at - since < learningMs) return undefined
  const country = seen.location?.country
  const countryIsNew = country !== undefined && !places.some(({ location }) => location?.country === country)
  return {
    type: 'new_network',
    riskScore: countryIsNew ? 5 : 3,
    details: { network: seen.network, ...(country !== undefined && { country }), knownNetworks: places.length },
    about: seen.network,
  }
}
