import { isIP } from 'node:net'
import { type AddressSet, refusedAddress } from '../ground/addresses.ts'
import { type Origin, parseOrigin } from '../ground/origin.ts'
import { type ServiceDefinition, serviceProblem } from './contract.ts'

/** Names that only a local resolver knows (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`). */
const LOCAL_NAME = /^[^.]+$|\.(?:local|internal|localhost|lan|home|corp|private|intranet|home\.arpa)$/

/**
 * The origins of a definition, those without a wildcard first.
 * Throws Problem `origin_invalid`, `origin_plain_http`, `origin_private`, `service_invalid` (the same origin twice).
 */
export function readOrigins(definition: ServiceDefinition, allowed: AddressSet | undefined): readonly Origin[] {
  const origins = definition.origins.map((text) => parseOrigin(text, { wildcard: true }))
  if (new Set(origins.map((origin) => origin.href)).size !== origins.length) {
    throw serviceProblem('service_invalid', { detail: 'An origin is given twice.', facts: { member: 'origins' } })
  }
  for (const origin of origins) {
    const facts = { origin: origin.href }
    if (isLocal(origin, allowed)) throw serviceProblem('origin_private', { facts })
    if (origin.scheme === 'http' && definition.unsafePlainHttp !== true && !isOpenLoopback(origin, allowed)) {
      throw serviceProblem('origin_plain_http', { facts })
    }
  }
  return [...origins.filter((origin) => !origin.wildcard), ...origins.filter((origin) => origin.wildcard)]
}

/** An address that would never be dialled, or a name that the public network does not have. */
export function isLocal({ host }: Origin, allowed: AddressSet | undefined): boolean {
  const address = bare(host)
  if (isIP(address) !== 0) return refusedAddress(address, allowed) !== undefined
  return allowed === undefined && LOCAL_NAME.test(host)
}

/** Plain HTTP stays on this machine, and the operator said so. */
function isOpenLoopback({ host }: Origin, allowed: AddressSet | undefined): boolean {
  if (allowed === undefined) return false
  if (host === 'localhost')
    return ['127.0.0.1', '::1'].some((address) => refusedAddress(address, allowed) === undefined)
  const address = bare(host)
  return /^(?:127\.|::1$)/.test(address) && isIP(address) !== 0 && refusedAddress(address, allowed) === undefined
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}
