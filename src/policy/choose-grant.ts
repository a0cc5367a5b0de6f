import type { GrantFacts } from './question.ts'

/** Says of a word of a label whether it means the call. */
export type WordAllows = (word: string) => boolean

interface Choosable<R> extends GrantFacts {
  covers(resolution: R, wordAllows: WordAllows): boolean
}

/**
 * The one grant a call counts against: the first, in the order they were given, that covers the action and is live.
 * Always the same one for the same action, so that overlapping grants never add up their rates.
 * Where none is live, the first that covers is returned: its own check then says why it is refused.
 */
export function chooseGrant<R, G extends Choosable<R>>(
  grants: readonly G[],
  resolution: R,
  wordAllows: WordAllows,
  now: number,
): G | undefined {
  let fallback: G | undefined
  for (const grant of grants) {
    if (!grant.covers(resolution, wordAllows)) continue
    if (isLive(grant, now)) return grant
    fallback ??= grant
  }
  return fallback
}

function isLive(grant: GrantFacts, now: number): boolean {
  if (grant.status !== 'active') return false
  if (grant.expiresAt !== undefined && now >= grant.expiresAt) return false
  return grant.uses === undefined || grant.used < grant.uses
}
