import type { CallId } from '../ground/ids.ts'
import type { Actor } from '../storage/storage.ts'
import { standing } from './book.ts'
import type { Approval, ApprovalId } from './contract.ts'
import { getApproval } from './store.ts'
import type { UpkeepNeeds } from './upkeep.ts'
import { isWindow } from './windows/open-window.ts'

export interface Use {
  readonly digest: string
  readonly now: number
  /** Call that it is used for, if it is one of ours. */
  readonly rid: CallId | undefined
  /** It is the gateway that sends the call, for an agent that left. */
  readonly forAgent: boolean
}

/** The approval with one use taken; undefined for one that is used up, ran out, or is for something else. Pure. */
export function usedOnce(approval: Approval, { digest, now, rid, forAgent }: Use): Approval | undefined {
  const { used, later } = approval
  const of = approval.action.terms.uses
  // A window's are taken by comparing the call.
  if (isWindow(approval)) return undefined
  if (approval.digest !== digest || standing(approval, now).status !== 'approved' || used >= of) return undefined
  const next: Approval = { ...approval, used: used + 1, status: used + 1 >= of ? 'consumed' : 'approved', rid }
  if (!forAgent) return next
  return later?.state === 'waits' ? { ...next, later: { ...later, state: 'sending', rid } } : undefined
}

/** A use that is committed. Nothing may be done by it before `recorded` resolves. */
export interface TakenUse {
  readonly recorded: Promise<unknown>
}

/**
 * Takes one use in one transaction; undefined where usedOnce() gives none. Resolves at the commit, so that what is recorded next, the
 * intent, shares the sync of its record.
 */
export function takeUse(
  { storage, clock, put }: Pick<UpkeepNeeds, 'storage' | 'clock' | 'put'>,
  id: string,
  use: Omit<Use, 'now'>,
  by: Actor,
): Promise<TakenUse | undefined> {
  const now = clock.now()
  return new Promise((resolve, reject) => {
    const recorded = storage.write<boolean>(
      async (tx) => {
        const approval = await getApproval(tx, id as ApprovalId)
        const next = approval && usedOnce(approval, { ...use, now })
        if (next === undefined) return false
        await put(tx, { next, what: 'consumed', actor: by, ev: { rid: use.rid, used: next.used } })
        return true
      },
      { committed: (taken) => resolve(taken ? { recorded } : undefined) },
    )
    recorded.catch(reject)
  })
}
