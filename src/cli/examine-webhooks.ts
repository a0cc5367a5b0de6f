// What `claviger doctor` says of webhooks.
import type { AlertsStanding } from '../alerts/contract.ts'
import type { Finding } from './finding.ts'

/** None where there are no webhooks. A receiver that is down is a fault of its own, and not of this gateway. */
export function webhookFindings({ count, deadLetters, failing, failingSince = 0 }: AlertsStanding): Finding[] {
  const about = 'webhooks'
  if (count === 0) return []
  const wrong = [
    failing === 0 ? undefined : `${failing} of ${count} fail, since ${new Date(failingSince).toISOString()}`,
    deadLetters === 0 ? undefined : `${deadLetters} given up`,
  ].filter((text) => text !== undefined)
  if (wrong.length === 0) return [{ state: 'ok', about, says: `${count}, and nothing fails` }]
  const hint = '`claviger webhook list` says which and why; `claviger webhook replay` takes up what was given up.'
  return [{ state: 'note', about, says: wrong.join('; '), hint }]
}
