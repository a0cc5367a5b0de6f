/** What an operator sees of an approval: the action, and the body that waits for it. */
import { Problem } from '../ground/problem.ts'
import { actionDigest, type WindowAction } from './action.ts'
import type { Approvals } from './approvals.ts'
import type { Approval, WindowOffer } from './contract.ts'
import { lasts } from './shown/allows.ts'
import { shownAsText } from './shown/as-text.ts'
import type { Standing } from './shown/facts-of.ts'
import { shownAction } from './shown/show-action.ts'
import type { Shown } from './shown/shown.ts'
import { standingOffer } from './windows/open-window.ts'

/** Much for a terminal, little for the line. */
const MAX_TEXT = 32_000
/** The agent left, so nothing else lies between the yes and the sending. */
const AT_ONCE = 'Claviger sends it as soon as there is a yes; the agent does not wait for it.'

/** A body that cannot be read any more is not drawn, and that is said. Throws Problem `vault_sealed`. */
export async function showApproval(
  approvals: Approvals,
  approval: Approval,
  standing: Standing,
  now: number,
  latelyOf: (window: WindowAction) => Promise<string>,
): Promise<{ readonly shown: Shown; readonly text: string; readonly window: WindowOffer | undefined }> {
  const { id, action, contentType, status, later } = approval
  const body = await approvals.bodyOf(id).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'approval_body_lost') return undefined
    throw error
  })
  const isOver = status !== 'pending'
  const drawn = shownAction({ action, body, contentType, standing, now, isOver })
  const shown = later?.state === 'waits' ? { ...drawn, allows: `${drawn.allows} ${AT_ONCE}` } : drawn
  const text = shownAsText(shown, { maxCharacters: MAX_TEXT })
  const offer = standingOffer(approval)
  const window = offer && shownOffer(offer, { ...standing, lately: await latelyOf(offer) }, now)
  return { shown, text, window }
}

function shownOffer(offer: WindowAction, standing: Standing, now: number): WindowOffer {
  const shown = shownAction({ action: offer, standing, now })
  const { lifeSeconds: seconds, uses: calls } = offer.terms
  const text = shownAsText(shown, { maxCharacters: MAX_TEXT })
  return { digest: actionDigest(offer), seconds, lasts: lasts(seconds), calls, shown, text }
}
