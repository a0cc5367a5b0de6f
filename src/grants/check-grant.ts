import type { CredentialId } from '../ground/ids.ts'
import { type Label, readLabel } from '../policy/label.ts'
import { parseScope } from '../policy/scope.ts'
import { type GrantedService, grantProblem, MAX_NAMED, MAX_RPM, type NewGrant, type Reach } from './contract.ts'

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

/** The label of a new grant, of this service or of any. Throws Problem `label_invalid`. */
export function checkLabel(service: GrantedService, text: string): Label {
  const label = readLabel(text)
  const own = label?.provider === '*' || label?.provider === service.name
  if (label === undefined || !own) {
    throw grantProblem('label_invalid', { facts: { scope: text.slice(0, 100), service: service.name } })
  }
  return label
}

/**
 * The credentials of a new grant: those that are named, or the only one there is. One with a label that names none gives
 * those that nobody names.
 * Throws Problem `credential_needed`, `credential_ambiguous`, `credential_restricted`, `credential_not_of_service`.
 */
export function chooseCredentials(wanted: NewGrant): { reach: Reach; credentials: readonly CredentialId[] } {
  const { service, credential, named = credential === undefined ? [] : [credential], label } = wanted
  if (credential !== undefined && wanted.named !== undefined) {
    throw grantProblem('grant_invalid', { detail: 'credential and credentials exclude each other.' })
  }
  if (named.length > 0) return { reach: 'named', credentials: [...new Set(named.map((one) => namedOf(wanted, one)))] }
  if (service.injection === undefined) return { reach: 'none', credentials: [] }
  return label === undefined
    ? { reach: 'implied', credentials: [theOnly(wanted)] }
    : { reach: 'unnamed', credentials: [] }
}

function namedOf({ service, credentials, named = [] }: NewGrant, credential: string): CredentialId {
  const found = credentials.find(({ id, handle }) => id === credential || handle === credential)
  if (found !== undefined && service.injection !== undefined && named.length <= MAX_NAMED) return found.id
  throw grantProblem('credential_not_of_service', { facts: { credential, service: service.name } })
}

function theOnly({ service, credentials }: NewGrant): CredentialId {
  const [only, ...others] = credentials
  if (only === undefined) throw grantProblem('credential_needed', { facts: { service: service.name } })
  if (others.length > 0) {
    const hint = `Name one of: ${credentials.map(({ handle }) => handle).join(', ')}.`
    throw grantProblem('credential_ambiguous', { hint, facts: { service: service.name } })
  }
  if (only.meta?.restricted === 'true') {
    throw grantProblem('credential_restricted', { hint: `Name it: ${only.handle}.`, facts: { service: service.name } })
  }
  return only.id
}

/** Throws Problem `grant_invalid`. */
export function checkLimits({ rpm, uses, expiresAt }: Pick<NewGrant, 'rpm' | 'uses' | 'expiresAt'>, now: number): void {
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
