/** Facts made of words from outside: drawn safely, and never cut without saying so. */

import { isCredentialHeader } from '../../ground/header-names.ts'
import type { Fact } from './shown.ts'
import { hidden, visibleValue } from './visible.ts'

/** UTF-16 units of a name and of a value that are shown. */
export const MAX_NAME = 200
export const MAX_VALUE = 2_000

export function fact(name: string, value: string): Fact {
  return { name, value: visibleValue(value, MAX_VALUE), kind: 'text' }
}

/** Names the operator gave or the gateway made, hosts, ids, hashes, numbers and times: not hidden in messengers. */
export function plainFact(name: string, value: string): Fact {
  return { name, value: visibleValue(value, MAX_VALUE), kind: 'plain' }
}

/** A member of a form, a query or JSON by its own name: hidden where the name is one of credentials. */
export function namedFact(name: string, value: string): Fact {
  return { name: visibleValue(name, MAX_NAME), value: namedValue(name, value, MAX_VALUE), kind: 'text' }
}

export function namedValue(name: string, value: string, max: number): string {
  return value !== '' && isSecretName(name) ? hidden(value) : visibleValue(value, max)
}

/** Whether a member of this name (`apiKey`, `client_secret`, `user[password]`) holds a credential. */
export function isSecretName(name: string): boolean {
  if (name.length > 200) return false
  const last = /\[([^[\]]+)\]$/.exec(name)?.[1] ?? name
  const dashed = last.replace(/([a-z0-9])([A-Z])/g, '$1-$2').replace(/[_ .]/g, '-')
  return isCredentialHeader(dashed.toLowerCase())
}

/** The facts that are there. */
export function factsOf(...facts: readonly (Fact | undefined | false | readonly Fact[])[]): Fact[] {
  return facts.flatMap((one) => (one === undefined || one === false ? [] : one))
}
