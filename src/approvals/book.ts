import type { AgentId } from '../ground/ids.ts'
import type { Approval, ApprovalId } from './contract.ts'
import { isWindow, type TrustWindow } from './windows/open-window.ts'

const none: readonly never[] = Object.freeze([])

/** What is known of approvals, in memory: by id, and by agent in the order in which they were opened. */
export class Book {
  readonly #byId = new Map<ApprovalId, Approval>()
  readonly #byAgent = new Map<AgentId, Map<ApprovalId, Approval>>()
  /** Those that may be used. */
  readonly #windows = new Map<AgentId, Map<ApprovalId, TrustWindow>>()

  get(id: string): Approval | undefined {
    return this.#byId.get(id as ApprovalId)
  }

  put(approval: Approval): void {
    this.#byId.set(approval.id, approval)
    putBelow(this.#byAgent, approval.agent, approval)
    if (!isWindow(approval)) return
    if (approval.status === 'approved') putBelow(this.#windows, approval.agent, approval)
    else removeBelow(this.#windows, approval.agent, approval.id)
  }

  remove(id: ApprovalId): void {
    const known = this.#byId.get(id)
    if (known === undefined) return
    this.#byId.delete(id)
    removeBelow(this.#byAgent, known.agent, id)
    removeBelow(this.#windows, known.agent, id)
  }

  of(agent: AgentId): readonly Approval[] {
    const own = this.#byAgent.get(agent)
    return own === undefined ? none : [...own.values()]
  }

  /** Trust windows of an agent that were not ended or used up. */
  windowsOf(agent: AgentId): readonly TrustWindow[] {
    const own = this.#windows.get(agent)
    return own === undefined ? none : [...own.values()]
  }

  *windows(): Iterable<TrustWindow> {
    for (const own of this.#windows.values()) yield* own.values()
  }

  all(): Iterable<Approval> {
    return this.#byId.values()
  }

  clear(): void {
    this.#byId.clear()
    this.#byAgent.clear()
    this.#windows.clear()
  }
}

function putBelow<A extends Approval>(map: Map<AgentId, Map<ApprovalId, A>>, agent: AgentId, one: A): void {
  const own = map.get(agent) ?? new Map<ApprovalId, A>()
  map.set(agent, own.set(one.id, one))
}

function removeBelow(map: Map<AgentId, Map<ApprovalId, Approval>>, agent: AgentId, id: ApprovalId): void {
  const own = map.get(agent)
  own?.delete(id)
  if (own?.size === 0) map.delete(agent)
}

/** As it stands now: what ran out is expired, whether or not that is on record yet. */
export function standing(approval: Approval, now: number): Approval {
  const runs = approval.status === 'pending' || approval.status === 'approved'
  return runs && now >= approval.expiresAt ? { ...approval, status: 'expired' } : approval
}
