const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Pauses after the first, second … failure: 8 attempts within 24 hours. */
export const PAUSES_MS: readonly number[] = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 7 * HOUR, 12 * HOUR]

/**
 * Milliseconds to wait after this many failed attempts; undefined when there is no further one. A pause is shortened by
 * up to a fifth, so that what failed together does not come back together.
 */
export function pauseAfter(failures: number, random: () => number, pauses = PAUSES_MS): number | undefined {
  const pause = pauses[failures - 1]
  return pause === undefined ? undefined : Math.round(pause * (1 - random() * 0.2))
}
