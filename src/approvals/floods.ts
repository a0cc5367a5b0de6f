/**
 * How often people may be asked (THREATS G-07): whoever can ask without end is answered yes in the end. Pure: the room
 * says what it knows of an agent, and this says how long it must wait.
 */
import type { Approval } from './contract.ts'

export const MOST_PENDING = 3
export const MOST_AN_HOUR = 20
/** A denied action stays denied for a day. */
export const DENIED_MS = 24 * 3_600_000
const HOUR_MS = 3_600_000
const FIRST_WAIT_MS = 30_000

export type Flood = { readonly why: 'crowded' | 'cooling_down'; readonly waitMs: number } | undefined

/** Whether an agent may ask now. `of`: all of its approvals, the oldest first, as they stand. */
export function floodOf(of: readonly Approval[], now: number): Flood {
  const pending = of.filter(({ status }) => status === 'pending')
  const first = pending[0]
  if (pending.length >= MOST_PENDING && first !== undefined)
    return { why: 'crowded', waitMs: Math.max(1_000, first.expiresAt - now) }
  const lately = of.filter(({ openedAt }) => now - openedAt < HOUR_MS)
  const oldest = lately.at(-MOST_AN_HOUR)
  if (oldest !== undefined) return { why: 'crowded', waitMs: oldest.openedAt + HOUR_MS - now }
  const waitMs = coolDownMs(of, now)
  return waitMs > 0 ? { why: 'cooling_down', waitMs } : undefined
}

/** 30 s after a denial, twice as long after each further one, an hour at most; a yes ends it. */
function coolDownMs(of: readonly Approval[], now: number): number {
  let denials = 0
  let last = 0
  for (const { status, verdicts, openedAt } of of) {
    if (status === 'approved' || status === 'consumed') denials = 0
    if (status !== 'denied' || now - openedAt > DENIED_MS) continue
    denials += 1
    last = Math.max(last, verdicts.at(-1)?.at ?? openedAt)
  }
  if (denials === 0) return 0
  return last + Math.min(HOUR_MS, FIRST_WAIT_MS * 2 ** (denials - 1)) - now
}
