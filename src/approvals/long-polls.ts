/**
 * Agents that ask whether there is an answer yet, and are kept waiting for it. Each holds a connection and a timer: so many
 * are one agent's and so many all agents', and who leaves makes room at once.
 */
import type { AgentId } from '../ground/ids.ts'
import { type Approval, approvalProblem } from './contract.ts'

/** As many calls of one agent are kept waiting for an answer. */
export const MOST_POLLS_OF_ONE = 16
const MOST_POLLS = 1_024

interface Settled {
  find(id: string): Approval
  settled(id: string, waitMs: number, signal?: AbortSignal): Promise<Approval>
}

export class LongPolls {
  readonly #approvals: Settled
  readonly #of = new Map<AgentId, number>()
  #all = 0

  constructor(approvals: Settled) {
    this.#approvals = approvals
  }

  /** How many wait now. */
  get count(): number {
    return this.#all
  }

  /**
   * As `settled()`, for the agent whose it is. What is answered already, or is not to be waited for, takes no room. Throws Problems
   * `approval_unknown`, `polls_crowded` (`retryAfterSeconds`).
   */
  async settled(id: string, waitMs: number, signal: AbortSignal): Promise<Approval> {
    const found = this.#approvals.find(id)
    if (found.status !== 'pending' || waitMs === 0) return found
    const { agent } = found
    const own = this.#of.get(agent) ?? 0
    if (own >= MOST_POLLS_OF_ONE || this.#all >= MOST_POLLS) {
      throw approvalProblem('polls_crowded', { facts: { retryAfterSeconds: 5 } })
    }
    this.#count(agent, 1)
    try {
      return await this.#approvals.settled(id, waitMs, signal)
    } finally {
      this.#count(agent, -1)
    }
  }

  #count(agent: AgentId, by: 1 | -1): void {
    this.#all += by
    const own = (this.#of.get(agent) ?? 0) + by
    if (own > 0) this.#of.set(agent, own)
    else this.#of.delete(agent)
  }
}
