// Where a request stands, in the door's words.
import type { StatedAction } from '../../approvals/action.ts'
import type { Approval } from '../../approvals/contract.ts'

export type DoorStatus = 'PENDING' | 'APPROVED' | 'DENIED' | 'EXPIRED' | 'CANCELLED'

/** One that an agent stated. */
export type Stated = Approval & { readonly action: StatedAction }

export function isStated(approval: Approval): approval is Stated {
  return approval.action.kind === 'stated'
}

/** A yes that ran out was one all the same. */
export function statusOf({ status, verdicts, action }: Approval): DoorStatus {
  if (status === 'pending') return 'PENDING'
  if (status === 'denied') return 'DENIED'
  if (status === 'cancelled') return 'CANCELLED'
  if (status === 'approved' || status === 'consumed') return 'APPROVED'
  const enough = action.terms.assurance === 'two-people' ? 2 : 1
  return verdicts.filter(({ verdict }) => verdict === 'approved').length >= enough ? 'APPROVED' : 'EXPIRED'
}

export const iso = (ms: number): string => new Date(ms).toISOString()
