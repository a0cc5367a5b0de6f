import type { AgentId } from '../ground/ids.ts'
import type { Approval, ApprovalId } from './contract.ts'

const none: readonly Approval[] = Object.freeze([])

/** What is known of approvals, in memory: by id, and by agent in the order in which they were opened. */
export class Book {
  readonly #byId = new Map<ApprovalId, Approval>()
  readonly #byAgent = new Map<AgentId, Map<ApprovalId, Approval>>()

  get(id: string): Approval | undefined {
    return this.#byId.get(id as ApprovalId)
  }

  put(approval: Approval): void {
    this.#byId.set(approval.id, approval)
    const own = this.#byAgent.get(approval.agent) ?? new Map()
    own.set(approval.id, approval)
    this.#byAgent.set(approval.agent, own)
  }

  remove(id: ApprovalId): void {
    const known = this.#byId.get(id)
    if (known === undefined) return
    this.#byId.delete(id)
    const own = this.#byAgent.get(known.agent)
    own?.delete(id)
    if (own?.size === 0) this.#byAgent.delete(known.agent)
  }

  of(agent: AgentId): readonly Approval[] {
    const own = this.#byAgent.get(agent)
    return own === undefined ? none : [...own.values()]
  }

  all(): Iterable<Approval> {
    return this.#byId.values()
  }

  clear(): void {
    this.#byId.clear()
    this.#byAgent.clear()
  }
}

/** As it stands now: what ran out is expired, whether or not that is on record yet. */
export function standing(approval: Approval, now: number): Approval {
  const runs = approval.status === 'pending' || approval.status === 'approved'
  return runs && now >= approval.expiresAt ? { ...approval, status: 'expired' } : approval
}
