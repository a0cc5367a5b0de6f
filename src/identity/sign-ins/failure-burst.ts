import type { Clock } from '../../ground/clock.ts'
import type { Found } from './finding.ts'

export const BURST = 5
export const BURST_WINDOW_MS = 300_000
/** Agents whose failures are remembered; the one that failed the longest ago goes first. */
const MOST_AGENTS = 16_384

/** A proof that failed: when (monotonic ms), and where it came from as limits count it. */
export interface Failure {
  readonly at: number
  readonly from: string
}

/** Five failed proofs for one agent in five minutes (contract clawauth.md §6). From several addresses it weighs more. */
export function failureBurst(failures: readonly Failure[], now: number): Found | undefined {
  const recent = failures.filter(({ at }) => now - at < BURST_WINDOW_MS)
  if (recent.length < BURST) return undefined
  const addresses = new Set(recent.map(({ from }) => from)).size
  return {
    type: 'auth_failure_burst',
    riskScore: addresses > 1 ? 7.5 : 6,
    details: { failures: recent.length, windowSeconds: BURST_WINDOW_MS / 1_000, addresses },
    about: '',
    quietMs: BURST_WINDOW_MS,
  }
}

/** The last failures of each agent. A burst that was found is forgotten, so that the next needs as many again. */
export class RecentFailures {
  readonly #clock: Clock
  readonly #agents = new Map<string, Failure[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#agents.size
  }

  add(agent: string, from: string): Found | undefined {
    const now = this.#clock.mono()
    const failures = [...(this.#agents.get(agent) ?? []), { at: now, from }].slice(-BURST)
    this.#agents.delete(agent)
    const found = failureBurst(failures, now)
    if (found !== undefined) return found
    this.#agents.set(agent, failures)
    if (this.#agents.size > MOST_AGENTS) this.#agents.delete(this.#agents.keys().next().value!)
    return undefined
  }

  forget(agent: string): void {
    this.#agents.delete(agent)
  }
}
