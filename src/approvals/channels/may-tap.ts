// Whether a press of a button in a messenger may be a yes (THREATS G-06, G-09). Pure.
import { isEnough } from '../../policy/assurance.ts'
import type { Approval } from '../contract.ts'

/**
 * Only where the rule is content with a tap and the risk is low: a messenger's account is taken over more easily than a
 * passkey. Writes are no low risk unless the service's definition says so of that action. Of what an agent states the risk is
 * its own word, and a window is many calls: neither is for a tap.
 */
export function mayTap({ action }: Pick<Approval, 'action'>): boolean {
  return isEnough('tap', action.terms.assurance) && action.kind === 'call' && action.risk === 'low'
}
