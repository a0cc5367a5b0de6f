import { denialProblem } from './denials.ts'
import { type Gathered, judgedByRules, type Read } from './gather-facts.ts'
import { actionNow, type Yes } from './humans-yes.ts'
import type { CallRequest, GateRooms } from './rooms.ts'

/**
 * Whether the rules, which changed while a call got its intent written, let it go as it was decided: asked again with what is
 * known of it. What wants a human now was asked one about exactly this, or is not sent.
 */
export function rulesStillAllow(
  call: CallRequest,
  gathered: Gathered,
  rooms: GateRooms,
  now: number,
  read: Read,
  yes: Yes | undefined,
): boolean {
  const rules = judgedByRules(call, rooms, now, gathered.service, gathered.resolution, read)
  if (rules === 'needs_body' || rules.effect === 'deny') return false
  if (yes === undefined) return rules.effect !== 'ask'
  if (rooms.approvals === undefined) throw denialProblem('approval_required')
  return yes.fits(actionNow(call, { ...gathered, rules }, yes.contents, rooms, rooms.approvals))
}
