// Which placeholders stand for a credential: of what form, and in which variables clients look for them.
import type { CredentialId } from '../ground/ids.ts'
import { AWS_KEY_ID, AWS_SECRET, type PlaceholderShape, placeholderShape } from '../ground/placeholder-shape.ts'
import { namesIn } from '../ground/placeholders.ts'
import type { NewPlaceholder } from '../placeholders/contract.ts'
import type { Service } from '../services/contract.ts'
import { findTemplate } from '../services/templates/catalogue.ts'

/** Of a service that says nothing of its keys. */
const USUAL = placeholderShape('{40}') as PlaceholderShape

/** What a client signs with, in order: how it looks, and how its variable ends. */
type Signing = readonly { readonly shape: PlaceholderShape; readonly ending: string }[]

/** The session of temporary keys is no part of it: the gateway sends it along, and clients need none. */
const AWS: Signing = [
  { shape: AWS_KEY_ID, ending: '_ACCESS_KEY_ID' },
  { shape: AWS_SECRET, ending: '_SECRET_ACCESS_KEY' },
]

/** Such that a client can read the key's bytes from it. */
const SECRETS = {
  text: USUAL,
  hex: placeholderShape('{64:hex}') as PlaceholderShape,
  base64: placeholderShape('{64}') as PlaceholderShape,
}

/**
 * The provider's variables go to the first service and credential that wants them; the others have names of their own. `at`: which
 * of the service's credentials it is. `taken` gets their names.
 */
export function placeholdersFor(
  service: Service,
  credential: CredentialId,
  handle: string,
  at: number,
  taken: Set<string>,
): NewPlaceholder[] {
  const said = saidOf(service)
  const key = placeholderShape(said.shape ?? '') ?? USUAL
  const known = { service: service.id, credential }
  const own = [variableOf(handle), `${variableOf(service.name)}_${variableOf(handle)}`]
  const signing = signingOf(service, key)
  if (signing !== undefined) {
    const names = variablesOfSigning(signing, service, said.variables, at === 0, own, taken)
    return signing.map(({ shape }, place) => ({ ...known, shape, variables: names.slice(place, place + 1) }))
  }
  const usual = at === 0 ? (said.variables ?? [`${variableOf(service.name)}_API_KEY`]) : []
  const free = usual.filter((name) => !taken.has(name))
  const names = free.length > 0 ? free : own.filter((name) => !taken.has(name)).slice(0, 1)
  for (const name of names) taken.add(name)
  return [{ ...known, shape: key, variables: names }]
}

/** Undefined where a client sends its key and computes nothing. */
function signingOf({ injection }: Service, key: PlaceholderShape): Signing | undefined {
  if (injection?.kind === 'sigv4') return AWS
  if (injection?.kind !== 'hmac') return undefined
  const { stringToSign, headers = {}, query = {}, secretEncoding = 'text' } = injection
  const secret = { shape: SECRETS[secretEncoding], ending: '_API_SECRET' }
  const isNamed = namesIn([stringToSign, ...Object.values(headers), ...Object.values(query)]).has('key_id')
  return isNamed ? [{ shape: key, ending: '_API_KEY' }, secret] : [secret]
}

/** All of one origin, or none: halves of different pairs sign nothing. */
function variablesOfSigning(
  signing: Signing,
  { name, injection }: Service,
  said: readonly string[] | undefined,
  isFirst: boolean,
  own: readonly string[],
  taken: Set<string>,
): readonly string[] {
  const named = (before: string) => signing.map(({ ending }) => before + ending)
  const usual = said?.length === signing.length ? said : named(injection?.kind === 'sigv4' ? 'AWS' : variableOf(name))
  const tried = isFirst ? [usual, ...own.map(named)] : own.map(named)
  const names = tried.find((some) => some.every((one) => !taken.has(one))) ?? []
  for (const one of names) taken.add(one)
  return names
}

/** What the service says of its keys, or the template that it was made of: that may have learned of it since. */
function saidOf({ view: { placeholder, template } }: Service): {
  shape?: string | undefined
  variables?: readonly string[] | undefined
} {
  const byTemplate = template === undefined ? undefined : bundled(template)?.placeholder
  return { ...byTemplate, ...placeholder }
}

function bundled(name: string) {
  try {
    return findTemplate(name)
  } catch {
    return undefined
  }
}

function variableOf(name: string): string {
  const upper = name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')
  return /^[A-Z]/.test(upper) ? upper : `KEY_${upper}`
}
