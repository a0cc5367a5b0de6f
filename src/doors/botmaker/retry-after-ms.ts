import { headerOf } from '../../http/header-of.ts'

/** What a vendor says of when to come again, milliseconds (RFC 9110 §10.2.3); undefined where it says nothing. */
export function retryAfterMs(headers: readonly string[], now: number): number | undefined {
  const precise = headerOf(headers, 'retry-after-ms')
  if (precise !== undefined && /^\d{1,9}(?:\.\d{1,6})?$/.test(precise)) return Number(precise)
  const said = headerOf(headers, 'retry-after')?.trim()
  if (said === undefined) return undefined
  if (/^\d{1,6}(?:\.\d{1,6})?$/.test(said)) return Number(said) * 1_000
  const date = Date.parse(said)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
