/**
 * What agents revoke for themselves, kept within bounds: any name is theirs to revoke, so what they name must not fill the
 * database for ever. The newest `MOST` stay; an older one makes room only once no token that it could end can be left.
 * Revocations of the admin and of operators, and an agent's of itself, know no bounds.
 */
import type { AgentId } from '../../ground/ids.ts'
import type { RateTable } from '../../identity/sign-ins/rate-table.ts'
import { MAX_TTL_SECONDS, type Revocation } from './contract.ts'
import { rateLimited } from './refusal.ts'

/** Sessions and tasks that one agent has revoked. */
export const MOST = 256
export const REVOCATIONS_PER_MINUTE = 600
/** The longest life of a token, and what clocks differ by. */
const SETTLED_MS = MAX_TTL_SECONDS * 1_000 + 60_000

export class OwnRevocations {
  readonly #rate: RateTable
  readonly #turns = new Map<AgentId, Promise<unknown>>()

  constructor(rate: RateTable) {
    this.#rate = rate
  }

  /** Throws `RATE_LIMITED`. */
  take(agent: AgentId): void {
    const waitMs = this.#rate.waitMs(agent)
    if (waitMs > 0) throw rateLimited(waitMs)
    this.#rate.take(agent)
  }

  /** One at a time of each agent: each counts what the one before it left in memory. */
  inTurn<T>(agent: AgentId, work: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(agent) ?? Promise.resolve()).then(work)
    const settled = done.then(
      () => {},
      () => {},
    )
    this.#turns.set(agent, settled)
    void settled.then(() => {
      if (this.#turns.get(agent) === settled) this.#turns.delete(agent)
    })
    return done
  }
}

/** What goes to make room for `rows`; `own`: what the agent has, the oldest first. Throws `RATE_LIMITED`. */
export function displacedBy(
  rows: readonly Revocation[],
  own: readonly Revocation[],
  now: number,
): readonly Revocation[] {
  const named = own.filter(({ kind }) => kind !== 'agent')
  const added = rows.filter(({ id, kind }) => kind !== 'agent' && !named.some((one) => one.id === id))
  const excess = named.length + added.length - MOST
  if (excess <= 0 || added.length === 0) return []
  const oldest = named.slice(0, excess)
  const waitMs = Math.max(...oldest.map(({ at }) => at + SETTLED_MS - now))
  if (waitMs > 0) throw rateLimited(waitMs)
  return oldest
}
