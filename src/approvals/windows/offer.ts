/** The trust window that the approval of a call offers: the call without what one call has for itself. Pure. */
import type { CallAction, WindowAction } from '../action.ts'

/** How much more of the same a human may allow at once, as the rules that ask say. */
export interface WindowBounds {
  readonly maxSeconds: number
  readonly maxUses: number
}

/** `first`: digest of the call. The same for the same call and rules, so that its digest is too. */
export function offeredWindow(call: CallAction, first: string, { maxSeconds, maxUses }: WindowBounds): WindowAction {
  const { install, agent, service, action, risk, method, origin, path, credential, rules, terms } = call
  return {
    kind: 'window',
    ...{ install, agent, service },
    ...(action === undefined ? { path } : { action }),
    ...{ risk, method, origin },
    ...(credential !== undefined && { credential }),
    ...{ rules, first },
    terms: { assurance: terms.assurance, lifeSeconds: maxSeconds, uses: maxUses },
  }
}
