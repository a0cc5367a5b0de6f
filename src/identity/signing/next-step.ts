/** What is to be done with the signing keys now. Pure: the same keys at the same time give the same step. */
import { JWKS_MAX_AGE_SECONDS } from './contract.ts'
import type { Entry } from './key-set.ts'

/** How long a key is listed before it signs: whoever keeps the set for as long as we allow has seen it by then. */
export const LISTED_MS = JWKS_MAX_AGE_SECONDS * 1_000
/** What `created_at` may be ahead of the moment from which the key was really listed: its commit. */
const COMMIT_MS = 60_000
/** For clocks that differ between those who sign and those who verify. */
const SKEW_MS = 60_000

/** What a key can do. `misplaced`: it signs, but keys are wanted in another place now (in the HSM, or out of it). */
export type Ability = 'sign' | 'misplaced' | 'nothing'

export interface Situation {
  /** Oldest first. */
  readonly next: readonly Entry[]
  readonly active: Entry | undefined
  readonly retiring: readonly Entry[]
  readonly can: (entry: Entry) => Ability
  /** False once making a key has failed: then what there is must do. */
  readonly mayMake: boolean
  readonly now: number
  readonly mono: number
  readonly rotateMs: number
  /** The longest life that a token is given. */
  readonly longestMs: number
}

export type Step =
  /** There is nobody who could know an older key, or the older ones are tainted: this one signs at once. */
  | { readonly do: 'begin' }
  | { readonly do: 'make next' }
  /** A next key that cannot be used, or one too many: it goes without having signed anything. */
  | { readonly do: 'drop'; readonly key: Entry }
  | { readonly do: 'promote'; readonly next: Entry; readonly active: Entry | undefined }
  | { readonly do: 'end'; readonly key: Entry }
  /** Tokens may live longer from now on: the overlap of the key that signs them grows too. */
  | { readonly do: 'lengthen'; readonly key: Entry; readonly longestMs: number }

export function nextStep(situation: Situation): Step | undefined {
  const { active, now, longestMs } = situation
  const over = situation.retiring.find(({ row }) => (row.ends_at ?? 0) <= now)
  if (over) return { do: 'end', key: over }
  if (active && active.row.longest_ms < longestMs) return { do: 'lengthen', key: active, longestMs }
  return stepOfNext(situation) ?? (active && rotation(active, situation))
}

function stepOfNext({ next, active, can, mayMake }: Situation): Step | undefined {
  const broken = next.find((entry) => can(entry) === 'nothing')
  if (broken) return { do: 'drop', key: broken }
  const [good, ...more] = next.filter((entry) => can(entry) === 'sign')
  const successor = good ?? next[0]
  if (!active && successor) return { do: 'promote', next: successor, active }
  const spare = good && (more[0] ?? next.find((entry) => can(entry) === 'misplaced'))
  if (spare) return { do: 'drop', key: spare }
  if (good || !mayMake) return undefined
  return { do: active ? 'make next' : 'begin' }
}

function rotation(active: Entry, situation: Situation): Step | undefined {
  const { next, can } = situation
  const successor = next.find((entry) => can(entry) === 'sign') ?? next[0]
  if (!successor || !isListed(successor, situation)) return undefined
  const ability = can(active)
  const moves = ability === 'misplaced' && can(successor) === 'sign'
  const due = ability === 'nothing' || moves || isDue(active, situation)
  return due ? { do: 'promote', next: successor, active } : undefined
}

/** Whether everybody who verifies can know it. */
export function isListed({ row, listedMono, fromDisk }: Entry, { now, mono }: { now: number; mono: number }): boolean {
  return mono - listedMono >= LISTED_MS || (fromDisk && row.created_at + LISTED_MS + COMMIT_MS <= now)
}

/** Milliseconds until isListed() says yes, whatever the wall clock does. */
export function untilListed(entry: Entry, at: { now: number; mono: number }): number {
  return isListed(entry, at) ? 0 : entry.listedMono + LISTED_MS - at.mono
}

/** How long a key is believed after it signed for the last time. */
export function overlapMs(longestMs: number): number {
  return longestMs + SKEW_MS + LISTED_MS
}

/** A time in the future was written under a clock that was wrong: the key must not stay until that time has come. */
function isDue({ row }: Entry, { now, rotateMs }: Situation): boolean {
  const age = now - (row.active_at ?? row.created_at)
  return age >= rotateMs || age < -rotateMs
}
