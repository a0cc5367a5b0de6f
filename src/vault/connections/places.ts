import type { AddressSet } from '../../ground/addresses.ts'
import type { ServiceId } from '../../ground/ids.ts'
import { type Origin, originMatches, parseOrigin } from '../../ground/origin.ts'
import { Problem } from '../../ground/problem.ts'
import { vaultProblem } from '../contract.ts'
import type { ConnectionInput } from './contract.ts'

/** Where the tokens of a service may come from: its own origins, and those that its definition names for tokens. */
export interface TokenPlaces {
  readonly origins: readonly Origin[]
  /** Addresses opened beside the public ones, by the operator. */
  readonly allowed: AddressSet | undefined
}

/** Undefined where there is no such service. */
export type PlacesOf = (service: ServiceId) => TokenPlaces | undefined

/** The origins that a secret may be sent to for a token: never in clear text. */
export function securePlaces({ origins }: TokenPlaces): readonly Origin[] {
  return origins.filter(({ scheme }) => scheme === 'https')
}

/**
 * The origin of a token endpoint. Throws Problem `token_url_refused` for anything but https, and for an origin that the
 * service does not have: a refresh token is as good as the credential itself.
 */
export function tokenOrigin(url: string, places: TokenPlaces | undefined): string {
  const match = /^(https:\/\/[^/?#@]+)(?:[/?][\x21\x22\x24-\x5b\x5d-\x7e]*)?$/i.exec(url)
  if (match === null) throw vaultProblem('token_url_refused', { detail: 'It is not a plain https URL.' })
  const origin = originOf(match[1] as string, places)
  const known = places !== undefined && securePlaces(places).some((one) => fits(one, origin))
  if (!known) throw vaultProblem('token_url_refused', { facts: { origin: origin.href } })
  return origin.href
}

function originOf(text: string, places: TokenPlaces | undefined): Origin {
  try {
    return parseOrigin(text, { anyPort: places?.allowed !== undefined })
  } catch (error) {
    if (error instanceof Problem) throw vaultProblem('token_url_refused', { cause: error })
    throw error
  }
}

function fits(one: Origin, { host, port, scheme }: Origin): boolean {
  return originMatches(one, host, port, scheme)
}

const GITHUB = 'https://api.github.com'
const GOOGLE = 'https://oauth2.googleapis.com/token'

/** Where this connection asks for its next token. */
export function tokenUrlOf(connection: ConnectionInput): string {
  switch (connection.kind) {
    case 'github_app': {
      const base = (connection.apiUrl ?? GITHUB).replace(/\/+$/, '')
      return `${base}/app/installations/${connection.installationId}/access_tokens`
    }
    case 'google_service_account':
      return connection.tokenUrl ?? GOOGLE
    default:
      return connection.tokenUrl
  }
}
