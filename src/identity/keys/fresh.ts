const MOST_LIFE_S = 60
/** What the clocks of agent and gateway may differ. */
const LEEWAY_S = 5

/** Whether a proof that an agent signed for this gateway was made just now: it lives a minute at most. */
export function isFresh({ iat, exp }: Readonly<Record<string, unknown>>, nowMs: number): boolean {
  const now = nowMs / 1_000
  if (typeof iat !== 'number' || typeof exp !== 'number') return false
  return iat <= now + LEEWAY_S && now < exp + LEEWAY_S && exp > iat && exp - iat <= MOST_LIFE_S
}
