/** What an answer does to an approval. Pure. */
import { isEnough } from '../policy/assurance.ts'
import { actionDigest } from './action.ts'
import { standing } from './book.ts'
import { type Approval, approvalProblem, type Verdict } from './contract.ts'
import { openedWindow, standingOffer } from './windows/open-window.ts'

/** What the approval is after the answer, what of it is on record, and the window that it opens. Throws where it does not count. */
export function outcomeOf(approval: Approval, given: Verdict) {
  refuseAnswer(standing(approval, given.at), given)
  const next = answered(approval, given)
  const leftAsItWas = next.verdicts === approval.verdicts
  const what = leftAsItWas ? 'window_denied' : next.status === 'pending' ? 'answered' : next.status
  return { next, what, opens: openedWindow(next, given.at) }
}

/** Nobody need answer it any more. Throws Problems `approval_already_decided`, `approval_expired`. */
export function takenBack(approval: Approval, now: number): Approval {
  refuseUnlessPending(standing(approval, now))
  return { ...approval, status: 'cancelled' }
}

function refuseUnlessPending({ status }: Approval): void {
  if (status === 'expired') throw approvalProblem('approval_expired')
  if (status !== 'pending') throw approvalProblem('approval_already_decided')
}

/** Anybody who may answer may deny, however weakly. */
function refuseAnswer(approval: Approval, given: Verdict): void {
  const { verdict, assurance, operator } = given
  refuseUnlessPending(approval)
  refuseWindow(approval, given)
  if (verdict === 'denied') return
  const { assurance: wanted, notBy } = approval.action.terms
  if (operator === notBy) throw approvalProblem('approval_own_agent')
  if (!isEnough(assurance, wanted)) throw approvalProblem('approval_too_weak', { facts: { wanted, given: assurance } })
  if (approval.verdicts.some((one) => one.operator === operator)) throw approvalProblem('approval_same_person')
}

/** A window is for who has seen it whole: what comes by a messenger or a door answers the call alone. */
function refuseWindow(approval: Approval, { window, channel }: Verdict): void {
  if (window === undefined) return
  const offer = standingOffer(approval)
  const wasShown = channel !== 'telegram' && channel !== 'door'
  if (!wasShown || offer === undefined || actionDigest(offer) !== window) throw approvalProblem('window_not_offered')
}

/** One no is a no; a no to the window leaves the call as it was. A yes is one once enough people gave it; its life begins then. */
function answered(approval: Approval, given: Verdict): Approval {
  if (given.verdict === 'denied' && given.window !== undefined) return { ...approval, offer: undefined }
  const verdicts = [...approval.verdicts, given]
  if (given.verdict === 'denied') return { ...approval, verdicts, status: 'denied' }
  const { assurance, lifeSeconds, goodSeconds = lifeSeconds } = approval.action.terms
  if (verdicts.length < (assurance === 'two-people' ? 2 : 1)) return { ...approval, verdicts }
  return { ...approval, verdicts, status: 'approved', expiresAt: given.at + goodSeconds * 1_000 }
}
