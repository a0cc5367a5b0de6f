import type { Clock } from '../../ground/clock.ts'
import { clientNetwork } from './client-network.ts'
import { signInProblem } from './problems.ts'
import { RateTable, rateOf } from './rate-table.ts'

/** Rates as text: `5/h`, `10/min`, `off`. The defaults are the settings' (contract clawauth.md §6). */
export interface LimitSettings {
  /** Registrations, by address. */
  readonly register: string
  /** Challenges, by pair of agent and address. */
  readonly challenge: string
  /** Challenges, by address. */
  readonly challengeAddress: string
  /** Proofs, by pair of agent and address. */
  readonly authenticate: string
  /** Refreshes, by family. */
  readonly refresh: string
  /** Verifications, by service. */
  readonly verify: string
  /** Trust reports, by service. */
  readonly trust: string
  /** Key sets and metadata, by address. */
  readonly metadata: string
}

/** `retryAfterS`: whole seconds, at least 1. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly retryAfterS: number }

const OK: Verdict = { ok: true }
const NAMES = [
  'register',
  'challenge',
  'challengeAddress',
  'authenticate',
  'refresh',
  'verify',
  'trust',
  'metadata',
] as const satisfies readonly (keyof LimitSettings)[]
type LimitName = (typeof NAMES)[number]

/**
 * How often somebody may try. Each method counts one attempt and says whether it may go on; refused ones do not count.
 * Limits by address, pairs included, skip this machine's own clients. `agent` is the id or name that the caller claims,
 * known or not: that unknown ones are counted like known ones keeps the answer from telling them apart.
 */
export class SignInLimits {
  readonly #tables: Readonly<Record<LimitName, RateTable>>

  constructor(clock: Clock, settings: LimitSettings, entries?: number) {
    const table = (name: LimitName) => new RateTable(clock, rateOf(settings[name]), entries)
    this.#tables = Object.fromEntries(NAMES.map((name) => [name, table(name)])) as Record<LimitName, RateTable>
  }

  /** Keys that are remembered now, of all limits. */
  get size(): number {
    return NAMES.reduce((sum, name) => sum + this.#tables[name].size, 0)
  }

  register(address: string): Verdict {
    return this.#byAddress(address, (counted) => [['register', counted]])
  }

  challenge(agent: string, address: string): Verdict {
    return this.#byAddress(address, (counted) => [
      ['challenge', pair(agent, counted)],
      ['challengeAddress', counted],
    ])
  }

  authenticate(agent: string, address: string): Verdict {
    return this.#byAddress(address, (counted) => [['authenticate', pair(agent, counted)]])
  }

  refresh(family: string): Verdict {
    return this.#take([['refresh', family]])
  }

  verify(service: string): Verdict {
    return this.#take([['verify', service]])
  }

  trust(service: string): Verdict {
    return this.#take([['trust', service]])
  }

  metadata(address: string): Verdict {
    return this.#byAddress(address, (counted) => [['metadata', counted]])
  }

  #byAddress(address: string, keys: (counted: string) => readonly (readonly [LimitName, string])[]): Verdict {
    const { local, counted } = clientNetwork(address)
    return local ? OK : this.#take(keys(counted))
  }

  /** All of them or none: what one refuses is not counted by the others. */
  #take(keys: readonly (readonly [LimitName, string])[]): Verdict {
    const waitMs = Math.max(...keys.map(([name, key]) => this.#tables[name].waitMs(key)))
    if (waitMs > 0) return { ok: false, retryAfterS: Math.ceil(waitMs / 1_000) }
    for (const [name, key] of keys) this.#tables[name].take(key)
    return OK
  }
}

/** An address holds no line feed, so no two pairs read the same. */
const pair = (agent: string, counted: string) => [agent, counted].join('\n')

/** Throws Problem `rate_limited` with its `Retry-After` unless the attempt may go on. */
export function refuseUnlessOk(verdict: Verdict): void {
  if (!verdict.ok) throw signInProblem('rate_limited', { facts: { retryAfterSeconds: verdict.retryAfterS } })
}
