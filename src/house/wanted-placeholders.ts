// Which placeholders stand for a credential: of what form, and in which variables clients look for them.
import type { CredentialId } from '../ground/ids.ts'
import { AWS_KEY_ID, AWS_SECRET, type PlaceholderShape, placeholderShape } from '../ground/placeholder-shape.ts'
import type { NewPlaceholder } from '../placeholders/contract.ts'
import type { Service } from '../services/contract.ts'
import { findTemplate } from '../services/templates/catalogue.ts'

/** Of a service that says nothing of its keys. */
const USUAL = placeholderShape('{40}') as PlaceholderShape

/** A pair that signs. The session of temporary keys is no part of it: the gateway sends it along, and clients need none. */
const AWS_PAIR = [
  { shape: AWS_KEY_ID, ending: '_ACCESS_KEY_ID' },
  { shape: AWS_SECRET, ending: '_SECRET_ACCESS_KEY' },
] as const

/** Whether a client that computes with the secret can have something in its place. */
export function hasPlaceholders({ injection }: Service): boolean {
  return injection !== undefined && injection.kind !== 'hmac'
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
  const { shape, variables } = saidOf(service)
  const known = { service: service.id, credential }
  const own = [variableOf(handle), `${variableOf(service.name)}_${variableOf(handle)}`]
  if (service.injection?.kind === 'sigv4') {
    const usual = variables?.length === AWS_PAIR.length ? variables : namesOfPair('AWS')
    const names = [...(at === 0 ? [usual] : []), ...own.map(namesOfPair)].find((pair) =>
      pair.every((name) => !taken.has(name)),
    )
    for (const name of names ?? []) taken.add(name)
    return AWS_PAIR.map((half, place) => ({
      ...known,
      shape: half.shape,
      variables: names?.slice(place, place + 1) ?? [],
    }))
  }
  const usual = at === 0 ? (variables ?? [`${variableOf(service.name)}_API_KEY`]) : []
  const free = usual.filter((name) => !taken.has(name))
  const names = free.length > 0 ? free : own.filter((name) => !taken.has(name)).slice(0, 1)
  for (const name of names) taken.add(name)
  return [{ ...known, shape: placeholderShape(shape ?? '') ?? USUAL, variables: names }]
}

const namesOfPair = (before: string): readonly string[] => AWS_PAIR.map(({ ending }) => before + ending)

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
