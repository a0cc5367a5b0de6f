import type { Period } from './contract.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** When the hour, day or month of `now` began, by UTC; 0 for what has no end. Milliseconds since 1970. */
export function windowStart(per: Period, now: number): number {
  if (per === 'hour') return Math.floor(now / HOUR_MS) * HOUR_MS
  if (per === 'day') return Math.floor(now / DAY_MS) * DAY_MS
  if (per === 'ever') return 0
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

/** When it ends; undefined for what does not. */
export function windowEnd(per: Period, now: number): number | undefined {
  if (per === 'hour') return windowStart(per, now) + HOUR_MS
  if (per === 'day') return windowStart(per, now) + DAY_MS
  if (per === 'ever') return undefined
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
