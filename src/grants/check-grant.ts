import type { CredentialId } from '../ground/ids.ts'
import { parseScope } from '../policy/scope.ts'
import { type GrantedService, grantProblem, MAX_RPM, type NewGrant } from './contract.ts'

/**
 * The scopes of a new grant, each once, with the service's name in the place of `*`.
 * Throws Problem `scope_invalid`, `scope_unknown` (it names another service, or no method and path), `grant_invalid`.
 */
export function readScopes(service: GrantedService, scopes: readonly string[]): readonly string[] {
  if (scopes.length === 0) throw grantProblem('grant_invalid', { detail: 'A grant needs at least one scope.' })
  const read = scopes.map((text) => {
    const scope = parseScope(text)
    const own = scope.service === '*' || scope.service === service.name
    const named = [service.name, ...scope.words].join(':')
    if (!own || service.explainScope(named).length === 0) {
      throw grantProblem('scope_unknown', { hint: hintOf(service), facts: { scope: text, service: service.name } })
    }
    return named
  })
  return [...new Set(read)]
}

const SHOWN = 24

function hintOf(service: GrantedService): string {
  const known = service.scopes()
  const more =
    known.length > SHOWN ? `, and ${known.length - SHOWN} more: \`claviger service show ${service.name}\`` : ''
  return `There are: ${known.slice(0, SHOWN).join(', ')}${more}.`
}

/**
 * The credential of a new grant: the one that is named, or the only one there is.
 * Throws Problem `credential_needed`, `credential_ambiguous`, `credential_not_of_service`.
 */
export function chooseCredential({ service, credential, credentials }: NewGrant): CredentialId | undefined {
  if (credential !== undefined) {
    const named = credentials.find(({ id, handle }) => id === credential || handle === credential)
    if (named !== undefined && service.injection !== undefined) return named.id
    throw grantProblem('credential_not_of_service', { facts: { credential, service: service.name } })
  }
  if (service.injection === undefined) return undefined
  const [only, ...others] = credentials
  if (only === undefined) throw grantProblem('credential_needed', { facts: { service: service.name } })
  if (others.length > 0) {
    const hint = `Name one of: ${credentials.map(({ handle }) => handle).join(', ')}.`
    throw grantProblem('credential_ambiguous', { hint, facts: { service: service.name } })
  }
  return only.id
}

/** Throws Problem `grant_invalid`. */
export function checkLimits({ rpm, uses, expiresAt }: NewGrant, now: number): void {
  const wrong = (detail: string, member: string) => grantProblem('grant_invalid', { detail, facts: { member } })
  if (rpm !== undefined && !(Number.isSafeInteger(rpm) && rpm >= 0 && rpm <= MAX_RPM)) {
    throw wrong(`rpm is a whole number from 0 to ${MAX_RPM}.`, 'rpm')
  }
  if (uses !== undefined && !(Number.isSafeInteger(uses) && uses >= 1)) {
    throw wrong('uses is a whole number from 1.', 'uses')
  }
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > now)) {
    throw wrong('expiresAt is a time to come, in milliseconds since 1970.', 'expiresAt')
  }
}
