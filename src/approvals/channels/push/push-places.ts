// Where pushes may go. A browser says where it is reached, so that is input like any other: it must be at a service that is
// known to be one, or that the operator named (THREATS, SSRF).
import type { AddressSet } from '../../../ground/addresses.ts'
import { type Origin, originMatches, parseOrigin } from '../../../ground/origin.ts'
import { channelProblem } from '../contract.ts'

/** Those of Chrome and what is built like it, Firefox, Safari, and Edge. */
const KNOWN: readonly Origin[] = [
  'https://fcm.googleapis.com',
  'https://updates.push.services.mozilla.com',
  'https://web.push.apple.com',
  'https://*.notify.windows.com',
].map((text) => parseOrigin(text, { wildcard: true }))

/** A service that the operator named, and which inside address that may be. */
export interface OwnPushService {
  readonly origin: Origin
  readonly allowed: AddressSet | undefined
}

export interface PushPlace {
  /** As tokens for it name it: the port only where it is not the scheme's own. */
  readonly audience: string
  readonly pinned: readonly Origin[]
  readonly allowed: AddressSet | undefined
}

const PLAIN = /^(https?:\/\/[^/?#@\\]+)\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/
const MOST_CHARACTERS = 2_048

/** Throws Problem `push_service_unknown` for everything that is not plainly an address at one of them. */
export function placeOf(endpoint: string, own: readonly OwnPushService[]): PushPlace {
  const match = endpoint.length <= MOST_CHARACTERS ? PLAIN.exec(endpoint) : null
  const origin = match === null ? undefined : readOrigin(match[1] as string)
  if (origin === undefined) throw channelProblem('push_service_unknown', { detail: 'Its address is not plain.' })
  const at = (one: Origin) => originMatches(one, origin.host, origin.port, origin.scheme)
  const named = own.find((service) => at(service.origin))
  const known = named?.origin ?? KNOWN.find(at)
  if (known === undefined) throw channelProblem('push_service_unknown', { facts: { origin: origin.href } })
  return { audience: new URL(origin.href).origin, pinned: [known], allowed: named?.allowed }
}

function readOrigin(text: string): Origin | undefined {
  try {
    return parseOrigin(text, { anyPort: true })
  } catch {
    return undefined
  }
}
