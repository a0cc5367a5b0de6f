import type { ApprovalLine, Assurance, Status } from '../api/types.ts'
import { outcomeOf } from './sending.tsx'

const words: Readonly<Record<Status, string>> = {
  pending: 'waits',
  approved: 'approved',
  denied: 'denied',
  expired: 'expired',
  cancelled: 'taken back',
  consumed: 'approved and done',
}

/** What was answered; of a call that the gateway sends itself, what came of that. */
export function StatusWord({ of: { status, sending } }: { readonly of: Pick<ApprovalLine, 'status' | 'sending'> }) {
  const { says, looks } = outcomeOf(status, sending) ?? { says: words[status], looks: status }
  return <span className={`word ${looks}`}>{says}</span>
}

export const assuranceWords: Readonly<Record<Assurance, string>> = {
  tap: 'a tap is enough',
  push: 'wants an enrolled device',
  passkey: 'wants a passkey',
  'two-people': 'wants two people',
}
