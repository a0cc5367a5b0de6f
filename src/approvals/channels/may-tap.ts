// Whether a press of a button in a messenger may be a yes (THREATS G-06, G-09). Pure.
import { isEnough } from '../../policy/assurance.ts'
import type { Approval } from '../contract.ts'

/**
 * Only where the rule is content with a tap and the risk is low. Writes are no low risk unless the service's definition says
 * so of that action: a messenger's account is taken over more easily than a passkey. What is no single call never.
 */
export function mayTap({ action }: Pick<Approval, 'action'>): boolean {
  return isEnough('tap', action.terms.assurance) && 'risk' in action && action.risk === 'low'
}
