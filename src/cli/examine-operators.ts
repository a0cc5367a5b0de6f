import { operatorParties, wantedOperatorPort } from '../operator-address.ts'
import type { Settings } from '../settings.ts'
import type { Finding } from './finding.ts'

/** Where people can answer: without a public address nobody but whoever sits at this machine. */
export function examineOperators(settings: Settings): Finding {
  const about = 'operators'
  const port = wantedOperatorPort(settings)
  if (port === undefined) {
    const says = 'no pages (CLAVIGER_OPERATOR_PORT=off): operators have the command line and their tokens'
    return { state: 'note', about, says }
  }
  const [first] = operatorParties(settings, port)
  const pages = port === 0 ? 'a free port, as the start says' : first?.origin
  if (settings.publicUrl !== undefined)
    return { state: 'ok', about, says: `${pages}: passkeys are good for ${first?.rpId}` }
  return {
    state: 'note',
    about,
    says: `${pages}: approvals with a passkey work on this machine only`,
    hint: 'Set CLAVIGER_PUBLIC_URL to answer on a phone: docs/guides/phone.md.',
  }
}
