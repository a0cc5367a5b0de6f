import type { Problem } from '../ground/problem.ts'

/** Where nobody knows how long: what holds it up is over in a moment. */
const SHORTEST_S = 1

/**
 * Seconds after which it may be tried again, as `Retry-After` says them (RFC 6585 §4): every 429 has them, other problems
 * where they know.
 */
export function retryAfterOf({ status, facts }: Pick<Problem, 'status' | 'facts'>): string | undefined {
  const { retryAfterSeconds = status === 429 ? SHORTEST_S : undefined } = facts
  return retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds)
}
