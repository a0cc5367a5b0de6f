import type { Assurance, Status } from '../api/types.ts'

const words: Readonly<Record<Status, string>> = {
  pending: 'waits',
  approved: 'approved',
  denied: 'denied',
  expired: 'expired',
  cancelled: 'taken back',
  consumed: 'approved and done',
}

export function StatusWord({ of }: { readonly of: Status }) {
  return <span className={`word ${of}`}>{words[of]}</span>
}

export const assuranceWords: Readonly<Record<Assurance, string>> = {
  tap: 'a tap is enough',
  push: 'wants an enrolled device',
  passkey: 'wants a passkey',
  'two-people': 'wants two people',
}
