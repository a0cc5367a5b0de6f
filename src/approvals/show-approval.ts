/** What an operator sees of an approval: the action, and the body that waits for it. */
import { Problem } from '../ground/problem.ts'
import type { Approvals } from './approvals.ts'
import type { Approval } from './contract.ts'
import { shownAsText } from './shown/as-text.ts'
import type { Standing } from './shown/facts-of.ts'
import { shownAction } from './shown/show-action.ts'
import type { Shown } from './shown/shown.ts'

/** Much for a terminal, little for the line. */
const MAX_TEXT = 32_000

/** A body that cannot be read any more is not drawn, and that is said. Throws Problem `vault_sealed`. */
export async function showApproval(
  approvals: Approvals,
  { id, action, contentType, status }: Approval,
  standing: Standing,
  now: number,
): Promise<{ readonly shown: Shown; readonly text: string }> {
  const body = await approvals.bodyOf(id).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'approval_body_lost') return undefined
    throw error
  })
  const isOver = status !== 'pending'
  const shown = shownAction({ action, body, contentType, standing, now, isOver })
  return { shown, text: shownAsText(shown, { maxCharacters: MAX_TEXT }) }
}
