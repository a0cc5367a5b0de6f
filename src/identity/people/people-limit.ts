import type { Clock } from '../../ground/clock.ts'
import { clientNetwork } from '../sign-ins/client-network.ts'
import { refuseUnlessOk } from '../sign-ins/limits.ts'
import { RateTable, rateOf } from '../sign-ins/rate-table.ts'

/** How often an address may try to sign in, enrol or recover; this machine's own too. Throws Problem `rate_limited`. */
export function peopleLimit(clock: Clock, rate: string): (address: string) => void {
  const table = new RateTable(clock, rateOf(rate))
  return (address) => {
    const { counted } = clientNetwork(address)
    const waitMs = table.waitMs(counted)
    refuseUnlessOk(waitMs > 0 ? { ok: false, retryAfterS: Math.ceil(waitMs / 1_000) } : { ok: true })
    table.take(counted)
  }
}
