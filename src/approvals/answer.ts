/** What an answer does to an approval. Pure. */
import { isEnough } from '../policy/assurance.ts'
import { type Approval, approvalProblem, type Verdict } from './contract.ts'

/** Throws where the answer does not count. Anybody who may answer may deny, however weakly. */
export function refuseAnswer(approval: Approval, { verdict, assurance, operator }: Verdict): void {
  if (approval.status === 'expired') throw approvalProblem('approval_expired')
  if (approval.status !== 'pending') throw approvalProblem('approval_already_decided')
  if (verdict === 'denied') return
  const { assurance: wanted, notBy } = approval.action.terms
  if (operator === notBy) throw approvalProblem('approval_own_agent')
  if (!isEnough(assurance, wanted)) throw approvalProblem('approval_too_weak', { facts: { wanted, given: assurance } })
  if (approval.verdicts.some((one) => one.operator === operator)) throw approvalProblem('approval_same_person')
}

/** One no is a no. A yes is one once enough people gave it; its life begins then. */
export function answered(approval: Approval, given: Verdict): Approval {
  const verdicts = [...approval.verdicts, given]
  if (given.verdict === 'denied') return { ...approval, verdicts, status: 'denied' }
  const { assurance, lifeSeconds, goodSeconds = lifeSeconds } = approval.action.terms
  if (verdicts.length < (assurance === 'two-people' ? 2 : 1)) return { ...approval, verdicts }
  return { ...approval, verdicts, status: 'approved', expiresAt: given.at + goodSeconds * 1_000 }
}
