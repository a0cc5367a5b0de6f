// Who may say yes to what an agent states that it does itself: the same natively and at the ClawGate door.
import type { Terms } from '../approvals/action.ts'
import type { OperatorId } from '../ground/ids.ts'
import type { AgentEntry } from '../identity/contract.ts'
import type { Assurance } from '../policy/assurance.ts'
import type { Settings } from '../settings.ts'

/** `assurance`: the least that is wanted otherwise. */
export function whoMayApprove(
  { clawgateOwnersApprove }: Pick<Settings, 'clawgateOwnersApprove'>,
  assurance: Assurance,
  { owner }: Pick<AgentEntry, 'owner'>,
): Pick<Terms, 'assurance' | 'notBy'> {
  if (clawgateOwnersApprove) return { assurance }
  // Nobody is known to answer for it: of two people one is somebody else.
  return owner === undefined ? { assurance: 'two-people' } : { assurance, notBy: owner as OperatorId }
}
