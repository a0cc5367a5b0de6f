import { alone } from './alone.ts'
import { measure, median, type Sample } from './measure.ts'
import type { Subject } from './subject.ts'

/** What each subject, by name, did in one round. */
export type Round = Readonly<Record<string, Sample>>

export interface Plan {
  /** The first is thrown away: it warms up. */
  readonly rounds: number
  readonly seconds: number
}

/** Measures every subject once a round, in shuffled order, so that a noisy minute falls on all of them alike. */
export async function rounds(subjects: readonly Subject[], connections: number, plan: Plan): Promise<readonly Round[]> {
  const kept: Round[] = []
  for (let round = 0; round < plan.rounds; round++) {
    const samples: Record<string, Sample> = {}
    for (const subject of shuffled(subjects)) {
      samples[subject.name] = await alone(subject, subjects, () => measure(subject, connections, plan.seconds))
    }
    if (round > 0) kept.push(samples)
    process.stderr.write(`  ${connections} connections, round ${round + 1} of ${plan.rounds}: ${line(samples)}\n`)
  }
  return kept
}

function line(samples: Round): string {
  return Object.entries(samples)
    .map(
      ([name, { requestsPerSecond, cpuUs }]) =>
        `${name} ${Math.round(requestsPerSecond)}/s${cpuUs === undefined ? '' : ` ${cpuUs.toFixed(1)}µs`}`,
    )
    .join(', ')
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

export interface Ratio {
  readonly throughput: number
  readonly throughputMin: number
  readonly throughputMax: number
  /** Reference's CPU per call over the subject's: comparable with the throughput ratio. */
  readonly cpu: number
  /** The one that decides: CPU where the core was shared with others, else throughput. */
  readonly decides: number
  readonly by: 'throughput' | 'cpu'
}

/** Median of the per-round ratios of `name` to `reference`. */
export function ratioOf(kept: readonly Round[], name: string, reference: string): Ratio {
  const pairs = kept.flatMap((round) =>
    round[name] && round[reference] ? [[round[name], round[reference]] as const] : [],
  )
  const throughputs = pairs.map(([subject, peer]) => subject.requestsPerSecond / peer.requestsPerSecond)
  const cpus = pairs.map(([subject, peer]) => (peer.cpuUs ?? Number.NaN) / (subject.cpuUs ?? Number.NaN))
  const busy = median(pairs.map(([subject]) => subject.busy ?? 1))
  const throughput = median(throughputs)
  const cpu = median(cpus)
  const shared = busy < 0.95 && cpu > 0
  return {
    throughput,
    throughputMin: Math.min(...throughputs),
    throughputMax: Math.max(...throughputs),
    cpu,
    decides: shared ? cpu : throughput,
    by: shared ? 'cpu' : 'throughput',
  }
}

/** Median of one figure of one subject over the rounds. */
export function middle(kept: readonly Round[], name: string, figure: keyof Sample): number {
  return median(kept.flatMap((round) => round[name]?.[figure] ?? []))
}
