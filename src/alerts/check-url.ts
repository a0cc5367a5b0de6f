import { isIP } from 'node:net'
import { type AddressSet, addressSet, refusedAddress } from '../ground/addresses.ts'
import { isInsideName, isLocalhost } from '../ground/inside-names.ts'
import { type Origin, parseOrigin } from '../ground/origin.ts'
import { alertProblem } from './contract.ts'

/** Plain: no user, no fragment, nothing that two parsers could read in two ways. The same form as http/outbound.ts takes. */
const PLAIN = /^(https?:\/\/[^/?#]+)(?:[/?][\x21\x22\x24-\x5b\x5d-\x7e]*)?$/i

/**
 * The origin of an endpoint's URL. Plain http goes to private addresses that are named alone: what is sent there does not
 * leave the machine or the network that the operator vouched for.
 * Throws Problem `webhook_url_refused`, `origin_invalid`, `address_range_invalid`.
 */
export function checkUrl(url: string, addresses: readonly string[] | undefined): Origin {
  const match = PLAIN.exec(url)
  if (match === null) throw refused('It is not a plain URL.')
  const allowed = addresses === undefined ? undefined : addressSet(addresses)
  const origin = parseOrigin(match[1] as string, { anyPort: allowed !== undefined })
  if (isInside(origin.host, allowed)) throw refused('It is a private address or name.')
  if (origin.scheme === 'http' && !isNamedPrivate(origin.host, allowed)) throw refused('It is not https.')
  return origin
}

/** What would never be dialled: said when the endpoint is made, and not only in its first dead letter. */
function isInside(host: string, allowed: AddressSet | undefined): boolean {
  const address = bare(host)
  if (isIP(address) !== 0) return refusedAddress(address, allowed) !== undefined
  return allowed === undefined && isInsideName(host)
}

function isNamedPrivate(host: string, allowed: AddressSet | undefined): boolean {
  if (allowed === undefined) return false
  const addresses = isLocalhost(host) ? ['127.0.0.1', '::1'] : [bare(host)]
  return addresses.some(
    (one) => isIP(one) !== 0 && refusedAddress(one) !== undefined && refusedAddress(one, allowed) === undefined,
  )
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

function refused(detail: string) {
  return alertProblem('webhook_url_refused', { detail })
}
