/**
 * How far an agent is trusted, as a pure function of the reports about it. The same reports at the same time give the same
 * score, in whatever order they come.
 *
 *   score = (Σ wᵢ·sᵢ + 5 · 5.0) / (Σ wᵢ + 5), rounded half up to one decimal
 *   wᵢ = 0.5 ^ (ageDaysᵢ / 30) · weight of the reporting group
 *   group weight = clamp(min(1, ageDays/90) · agreement, 0.1, 1.0)
 *   agreement = 1 − mean(|report − score at that time|) / 10 over the group's last 50 counted reports, 1.0 without any
 *
 * A group is all services of one owner. No group has more than a quarter of the total weight Σw + 5; what is above that is
 * taken from its reports in proportion.
 */
const DAY_MS = 86_400_000

/** What an agent has of whom nobody has reported anything, and how much that counts. */
const PRIOR_SCORE = 5
const PRIOR_WEIGHT = 5
const HALF_LIFE_DAYS = 30
const FULL_AGE_DAYS = 90
const LEAST_WEIGHT = 0.1
const SAMPLE_DAYS = 180
/** A group's share of the total weight, at most. */
const SHARE = 1 / 4
/** Reports of a group that its agreement is taken from: the newest. */
export const AGREEMENT_REPORTS = 50

export const trustBands = ['High Risk', 'Low Trust', 'Neutral', 'High Trust', 'Excellent'] as const
export type TrustBand = (typeof trustBands)[number]
/** Where each band but the first begins. Half open: 3.0 is Low Trust. */
const BAND_STARTS = [3, 5, 7, 9]

/** A report that counts: not disputed, not dropped, of a service that is still there. */
export interface CountedReport {
  readonly id: string
  /** Owner of the service that made it. */
  readonly group: string
  /** 0 to 10. */
  readonly score: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface TrustScore {
  /** 0.0 to 10.0, one decimal. */
  readonly score: number
  readonly band: TrustBand
  /** Counted reports of the last 180 days. */
  readonly samples: number
  /** 0 to 1: the share of the total weight that is not the prior's. */
  readonly confidence: number
}

/** The score of one agent. `groupWeight` gives what groupWeightOf() says of each group that occurs. */
export function trustScore(
  reports: Iterable<CountedReport>,
  groupWeight: (group: string) => number,
  now: number,
): TrustScore {
  const groups = new Map<string, { weight: number; sum: number }>()
  let samples = 0
  // Sums of floats depend on their order: one order for all.
  for (const { group, score, at } of [...reports].sort(byTime)) {
    const ageDays = Math.max(0, now - at) / DAY_MS
    if (ageDays < SAMPLE_DAYS) samples += 1
    const known = groups.get(group) ?? { weight: 0, sum: 0 }
    const weight = 0.5 ** (ageDays / HALF_LIFE_DAYS) * groupWeight(group)
    groups.set(group, { weight: known.weight + weight, sum: known.sum + weight * score })
  }
  const inOrder = [...groups.keys()].sort().map((group) => groups.get(group)!)
  const most = mostWeight(inOrder.map(({ weight }) => weight))
  let [weight, sum] = [0, 0]
  for (const group of inOrder) {
    const kept = group.weight > most ? most / group.weight : 1
    weight += group.weight * kept
    sum += group.sum * kept
  }
  const score = toOneDecimal((sum + PRIOR_WEIGHT * PRIOR_SCORE) / (weight + PRIOR_WEIGHT))
  return { score, band: bandOf(score), samples, confidence: weight / (weight + PRIOR_WEIGHT) }
}

/** How much each report of a group weighs when it is new. `ageDays`: since its oldest service was added. */
export function groupWeightOf(ageDays: number, agreement: number): number {
  const weight = Math.min(1, Math.max(0, ageDays) / FULL_AGE_DAYS) * agreement
  return Math.min(1, Math.max(LEAST_WEIGHT, weight))
}

/** How near a group's reports were to what was thought of the agent at that time: 1 is always there, 0 always the opposite. */
export function agreementOf(reports: readonly { readonly score: number; readonly scoreBefore: number }[]): number {
  if (reports.length === 0) return 1
  const apart = reports.reduce((sum, { score, scoreBefore }) => sum + Math.abs(score - scoreBefore), 0)
  return 1 - apart / reports.length / 10
}

/** The band that a score (0 to 10) lies in. */
export function bandOf(score: number): TrustBand {
  return trustBands[BAND_STARTS.filter((start) => score >= start).length]!
}

/** Half up. The smallest part is for decimals such as 5.35 that lie a hair below their half in binary. */
export function toOneDecimal(value: number): number {
  return Math.floor(value * 10 + 0.5 + 1e-9) / 10
}

/** Oldest first; ids tell apart what came in one millisecond. */
export function byTime(
  one: { readonly at: number; readonly id: string },
  other: { readonly at: number; readonly id: string },
): number {
  return one.at - other.at || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)
}

/**
 * The most that one group may weigh beside the others: a quarter of the total T = 5 + Σ min(wᵢ, T/4), in which every group
 * that is capped has just that. There is one such T, and at most three groups are capped in it: the heaviest, until the next
 * one fits.
 */
export function mostWeight(weights: readonly number[]): number {
  const lightestFirst = [...weights].sort((one, other) => one - other)
  for (let capped = 0; ; capped += 1) {
    const free = lightestFirst.slice(0, Math.max(0, lightestFirst.length - capped))
    const rest = free.reduce((sum, weight) => sum + weight, 0)
    const most = (SHARE * (PRIOR_WEIGHT + rest)) / (1 - capped * SHARE)
    // Holds for the fourth at the latest: it weighs no more than `rest`, and three quarters are taken.
    if ((free.at(-1) ?? 0) <= most) return most
  }
}
