/** A trust window is an approval of its own, made with the yes to the call that it was offered with. Pure. */
import { newOrderedId } from '../../ground/ids.ts'
import { actionDigest, type WindowAction } from '../action.ts'
import type { Changed } from '../changed.ts'
import type { Approval } from '../contract.ts'

export interface TrustWindow extends Approval {
  readonly action: WindowAction
}

export function isWindow(approval: Approval): approval is TrustWindow {
  return approval.action.kind === 'window'
}

/** What may be answered now: nothing once somebody said yes to the call alone. */
export function standingOffer({ status, offer, verdicts }: Approval): WindowAction | undefined {
  if (status !== 'pending' || offer === undefined) return undefined
  const digest = actionDigest(offer)
  return verdicts.every(({ window }) => window === digest) ? offer : undefined
}

/** The window that the answers to a call open: every yes must have been to it. `answered`: the approval after the last of them. */
export function openedWindow(answered: Approval, now: number): TrustWindow | undefined {
  const { status, offer, verdicts, agent, token } = answered
  if (status !== 'approved' || offer === undefined) return undefined
  const digest = actionDigest(offer)
  if (!verdicts.every(({ verdict, window }) => verdict === 'approved' && window === digest)) return undefined
  return {
    id: newOrderedId('apr', now),
    ...{ agent, token, digest, verdicts, action: offer },
    status: 'approved',
    openedAt: now,
    expiresAt: now + offer.terms.lifeSeconds * 1_000,
    used: 0,
  }
}

/** What is on record of it: who may do what for how long, and the call that it came with. */
export function openingOf(window: TrustWindow, { next: call, actor }: Changed): Changed {
  const { agent, service, action, method, origin, path, first, terms } = window.action
  const what = action ?? `${method} ${origin}${path}`
  const ev = {
    ...{ agent: agent.id, service: service.name, may: what, seconds: terms.lifeSeconds, uses: terms.uses },
    ...{ first, with: call.id },
  }
  return { next: window, what: 'window_opened', actor, ev }
}
