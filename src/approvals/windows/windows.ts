import type { Clock } from '../../ground/clock.ts'
import type { AgentId, CallId } from '../../ground/ids.ts'
import type { Actor, Storage, Tx } from '../../storage/storage.ts'
import { actionDigest, type CallAction } from '../action.ts'
import type { Ask } from '../asking.ts'
import { type Book, standing } from '../book.ts'
import type { Changed } from '../changed.ts'
import { type Approval, type ApprovalId, approvalProblem } from '../contract.ts'
import { getApproval } from '../store.ts'
import { covers } from './covers.ts'
import { isWindow, type TrustWindow } from './open-window.ts'

export interface WindowsNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly book: Book
  /** All of an agent's that are no windows, the oldest first, as they stand. */
  of(agent: AgentId): readonly Approval[]
  /** What counts for the action already. */
  known(asked: Pick<Ask, 'action' | 'idempotencyKey'>): Approval | undefined
  put(tx: Tx, changed: Changed): Promise<void>
  /** Whoever waits for it looks again. */
  wake(id: ApprovalId): void
}

/** The call that is to go out under one. */
export interface TakenFor {
  readonly rid: CallId
  readonly by: Actor
  /** As it came. */
  readonly idempotencyKey?: string | undefined
}

/** A use of a window that was taken for a call. */
export interface TakenWindow {
  readonly id: string
  readonly digest: string
  /** Whether it is good for what would be sent now. */
  covers(call: CallAction): boolean
}

/**
 * Trust windows: bounded rules that a human said yes to, so that not each of many similar calls asks.
 *
 * Invariant: a use is taken in the transaction that compares the call with all that the window was shown to allow, and is
 * committed before anything is sent. What is taken is not given back.
 */
export class Windows {
  readonly #needs: WindowsNeeds

  constructor(needs: WindowsNeeds) {
    this.#needs = needs
  }

  /** Those that hold now, the oldest first. */
  open(): readonly TrustWindow[] {
    const now = this.#needs.clock.now()
    return [...this.#needs.book.windows()].filter(({ expiresAt }) => now < expiresAt)
  }

  /** Ended ones too. Throws Problem `window_unknown`. */
  find(id: string): TrustWindow {
    const { book, clock } = this.#needs
    const known = book.get(id)
    if (known === undefined || !isWindow(known)) throw approvalProblem('window_unknown')
    return standing(known, clock.now()) as TrustWindow
  }

  /**
   * Takes one use of a window of the agent's that covers the call: one transaction, committed and recorded when it resolves.
   * Undefined if there is none, and where a human answered exactly this call: that answer counts. Throws Problems
   * `idempotency_conflict`, `idempotency_key_invalid`.
   */
  async take(call: CallAction, { rid, by, idempotencyKey: key }: TakenFor): Promise<TakenWindow | undefined> {
    const { storage, book, known } = this.#needs
    const fitting = book.windowsOf(call.agent.id).filter(({ action }) => covers(action, call))
    if (fitting.length === 0) return undefined
    const digest = actionDigest(call)
    const own = known({ action: call, idempotencyKey: key })
    if (own !== undefined && own.status !== 'pending') return undefined
    for (const { id } of fitting) {
      const taken = await storage.write((tx) => this.#takeIn(tx, id, { call, digest, rid, by, waits: own?.id }))
      if (taken !== undefined) return taken
    }
    return undefined
  }

  /** Ends one. Durable and recorded when it resolves. Throws Problem `window_unknown` for one that does not hold. */
  async end(id: string, by: Actor): Promise<TrustWindow> {
    const [ended] = await this.endAll([{ id: id as ApprovalId, why: 'operator' }], by)
    if (ended === undefined) throw approvalProblem('window_unknown')
    return ended
  }

  /** Ends those of them that hold, in one transaction; those that did. */
  endAll(ends: readonly WindowEnd[], by: Actor): Promise<readonly TrustWindow[]> {
    const { storage, clock, put } = this.#needs
    const end = async (tx: Tx) => {
      const ended: TrustWindow[] = []
      for (const { id, why } of ends) {
        const known = await getApproval(tx, id)
        if (known === undefined || !isWindow(known)) continue
        if (standing(known, clock.now()).status !== 'approved') continue
        const next: TrustWindow = { ...known, status: 'cancelled' }
        await put(tx, { next, what: 'window_ended', actor: by, ev: { why, agent: known.agent, used: known.used } })
        ended.push(next)
      }
      return ended
    }
    return storage.write(end, { urgent: true })
  }

  /** Calls that wait and are covered need not wait any more. */
  opened({ agent, action }: TrustWindow): void {
    for (const { id, status, action: asked } of this.#needs.of(agent))
      if (status === 'pending' && asked.kind === 'call' && covers(action, asked)) this.#needs.wake(id)
  }

  async #takeIn(tx: Tx, id: ApprovalId, { call, digest, rid, by, waits }: Take): Promise<TakenWindow | undefined> {
    const { clock, put } = this.#needs
    const window = await getApproval(tx, id)
    if (window === undefined || !isWindow(window) || !covers(window.action, call)) return undefined
    const { uses } = window.action.terms
    if (standing(window, clock.now()).status !== 'approved' || window.used >= uses) return undefined
    const used = window.used + 1
    const next: TrustWindow = { ...window, used, status: used >= uses ? 'consumed' : 'approved', rid }
    const ev = { rid, used, of: uses, agent: window.agent, call: digest, body: call.body?.sha256 }
    await put(tx, { next, what: 'window_used', actor: by, ev })
    const asked = waits === undefined ? undefined : await getApproval(tx, waits)
    if (asked?.status === 'pending')
      await put(tx, { next: { ...asked, status: 'cancelled' }, what: 'cancelled', actor: by, ev: { window: id } })
    return { id, digest: window.digest, covers: (now) => covers(window.action, now) }
  }
}

interface WindowEnd {
  readonly id: ApprovalId
  readonly why: string
}

interface Take extends Pick<TakenFor, 'rid' | 'by'> {
  readonly call: CallAction
  /** Of the call. */
  readonly digest: string
  /** The approval that the same call waits for, which nobody need answer any more. */
  readonly waits: ApprovalId | undefined
}
