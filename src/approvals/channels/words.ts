// What people read in a messenger. Facts alone, in plain text; the question itself is
// drawn by shown/.
import { escapeControls } from '../../ground/escape-controls.ts'
import type { Approval } from '../contract.ts'
import { viewOf } from '../view.ts'

const MOST_SHOWN = 10

/** In place of the question, once it is answered or over. */
export function outcomeText(approval: Approval): string {
  const { decidedBy } = viewOf(approval)
  const by = decidedBy === undefined ? '' : ` by ${decidedBy}`
  const lines = [`${outcomes[approval.status]}${by}`, '', `Request: ${approval.id}`, saysOf(approval)]
  return lines.map(clean).join('\n')
}

const outcomes: Readonly<Record<Approval['status'], string>> = {
  pending: '⏳ Waiting',
  approved: '✅ Approved',
  consumed: '✅ Approved',
  denied: '❌ Denied',
  expired: '⌛ Expired: nobody answered, so it is a no',
  cancelled: '↩️ Taken back',
}

export function pendingText(approvals: readonly Approval[]): string {
  if (approvals.length === 0) return 'Nothing waits.'
  const shown = approvals.slice(0, MOST_SHOWN).map((one) => `• ${saysOf(one)}\n  ${one.action.agent.name}, ${one.id}`)
  const more = approvals.length > MOST_SHOWN ? [`… and ${approvals.length - MOST_SHOWN} more`] : []
  return [`${approvals.length} waiting:`, '', ...shown, ...more].join('\n')
}

const saysOf = (approval: Approval) => clean(viewOf(approval).says).slice(0, 300)
const clean = (line: string) => escapeControls(line)

export const HELP = `Claviger asks here when a call of an agent needs a yes.

/pending - what waits for an answer
/id - the id of this chat
/help - this text

A button answers where a tap is enough; anybody may deny. Never send a secret here.`

export const TEST = '🔔 Test: questions will come here.'
export const NO_SECRETS =
  '❌ Failed to add secret\n\nSecrets are not taken by chat. Use `claviger credential add` on the gateway.'
export const DELETED = 'Your message was deleted, because it may hold a secret.'
export const NOT_DELETED = '⚠️ Your message could not be deleted: delete it by hand, and replace that secret.'
