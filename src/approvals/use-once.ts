import type { CallId } from '../ground/ids.ts'
import { standing } from './book.ts'
import type { Approval } from './contract.ts'
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
