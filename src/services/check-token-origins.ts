import type { AddressSet } from '../ground/addresses.ts'
import { type Origin, parseOrigin } from '../ground/origin.ts'
import { isLocal } from './check-origins.ts'
import { type ServiceDefinition, serviceProblem } from './contract.ts'

const HTTPS = /^(https:\/\/[^/?#@]+)(?:[/?][\x21\x22\x24-\x5b\x5d-\x7e]*)?$/i

/**
 * The origins of what `oauth` names. There is no way to open plain http here: a refresh token is worth more than a call.
 * Throws Problem `service_invalid`, `origin_invalid`, `origin_private`.
 */
export function readTokenOrigins({ oauth }: ServiceDefinition, allowed: AddressSet | undefined): readonly Origin[] {
  const { issuer, authorizationUrl, tokenUrl, deviceUrl } = oauth ?? {}
  const origins = new Map<string, Origin>()
  for (const [member, url] of Object.entries({ issuer, authorizationUrl, tokenUrl, deviceUrl })) {
    if (url === undefined) continue
    const match = HTTPS.exec(url)
    if (match === null) {
      const facts = { member: `oauth.${member}` }
      throw serviceProblem('service_invalid', { detail: `oauth.${member} is not a plain https URL.`, facts })
    }
    const origin = parseOrigin(match[1] as string)
    if (isLocal(origin, allowed)) throw serviceProblem('origin_private', { facts: { origin: origin.href } })
    origins.set(origin.href, origin)
  }
  return [...origins.values()]
}
