/** How sure a human's answer must be, from the weakest: a tap in a messenger, an enrolled device, a passkey, two people's. */
export const ASSURANCES = ['tap', 'push', 'passkey', 'two-people'] as const
export type Assurance = (typeof ASSURANCES)[number]

/** Whether an answer given with `given` is enough where `wanted` is asked for. Two people are two answers by passkey. */
export function isEnough(given: Assurance, wanted: Assurance): boolean {
  return ASSURANCES.indexOf(given) >= ASSURANCES.indexOf(wanted === 'two-people' ? 'passkey' : wanted)
}

export function strongest(one: Assurance | undefined, other: Assurance | undefined): Assurance | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return ASSURANCES[Math.max(ASSURANCES.indexOf(one), ASSURANCES.indexOf(other))]
}
