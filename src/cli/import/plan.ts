// What an import would do: which secrets there are, what each is called, and what happens to every place it stands at. Pure.
import { createSecretKey, randomBytes } from 'node:crypto'
import type { Found } from './found.ts'
import { digestOf, unstorable } from './look-at-secret.ts'
import { UNKNOWN, wordsOf } from './nearest-service.ts'
import { irreplaceable } from './replace-source.ts'

/** What the gateway has, as far as an import wants to know. */
export interface Present {
  readonly services: readonly {
    readonly name: string
    readonly template?: string | undefined
    readonly origins?: readonly string[]
  }[]
  readonly credentials: readonly {
    readonly handle: string
    readonly service: string
    readonly tag?: string | undefined
  }[]
  /** What a service can be made of by a name alone. */
  readonly templates: readonly { readonly name: string; readonly origins: readonly string[] }[]
  /** The tag under which this secret was imported before. */
  readonly tagOf: (found: Found) => string | undefined
}

export interface Step {
  /** The same secret at all its places, those first that came first. */
  readonly places: readonly Found[]
  readonly action: 'store' | 'known' | 'leave'
  readonly handle?: string
  /** The service's name at the gateway. */
  readonly service: string
  /** Whether the service must be made first, from the template of this name. */
  readonly template?: string
  /** Why it is left. */
  readonly why?: string
  /** What the service said of it, when it was asked. */
  readonly verified?: string
}

/** `as` is what somebody said: a place, or a provider's name, to a service's name. */
export function planImport(found: readonly Found[], present: Present, as: ReadonlyMap<string, string>): Step[] {
  const taken = new Set(present.credentials.map(({ handle }) => handle))
  return sameSecrets(found).map((places) => stepFor(places, present, as, taken))
}

function sameSecrets(found: readonly Found[]): Found[][] {
  const key = createSecretKey(randomBytes(32))
  const groups = Map.groupBy(found, ({ secret }) => digestOf(secret, key))
  return [...groups.values()]
}

function stepFor(places: Found[], present: Present, as: ReadonlyMap<string, string>, taken: Set<string>): Step {
  const tag = present.tagOf(places[0]!)
  const before = tag === undefined ? undefined : present.credentials.find((credential) => credential.tag === tag)
  const said = places.map(({ place, service }) => as.get(place) ?? as.get(service)).find((name) => name !== undefined)
  const provider = said ?? places.map(({ service }) => service).find((name) => name !== UNKNOWN) ?? UNKNOWN
  const service = serviceFor(provider, present)
  const leave = (why: string): Step => ({ places, action: 'leave', service: service.service, why })
  const why = unstorable(places[0]!.secret) ?? (places.every(staysWhy) ? staysWhy(places[0]!) : undefined)
  if (why !== undefined) return leave(why)
  if (before !== undefined) return { places, action: 'known', handle: before.handle, service: before.service }
  if (provider === UNKNOWN) return leave('no known service is named around it; say which with --service PLACE=NAME')
  if (service.missing)
    return leave(
      `there is no service ${provider}, and no template for one: claviger service add ${provider} --origin …`,
    )
  const handle = freeHandle(provider, labelOf(places), taken)
  taken.add(handle)
  const { template } = service
  return { places, action: 'store', handle, service: service.service, ...(template !== undefined && { template }) }
}

/** Why a secret is not taken because of this place; undefined if it is. */
export function staysWhy(found: Found): string | undefined {
  if (found.stays !== undefined) return found.stays
  if (found.keeps !== undefined) return undefined
  return found.rewrite === undefined ? 'its reader knows no references' : irreplaceable(found.source)
}

function serviceFor(
  provider: string,
  { services, templates }: Present,
): { service: string; template?: string; missing?: true } {
  const there = services.find(({ name }) => name === provider) ?? services.find(({ template }) => template === provider)
  if (there !== undefined) return { service: there.name }
  return templates.some(({ name }) => name === provider)
    ? { service: provider, template: provider }
    : { service: provider, missing: true }
}

export function labelOf([first]: readonly Found[]): string {
  return first?.label ?? first?.place ?? ''
}

/** Such as `openai-api-key`: the service, then what the label says besides; numbered where that is taken. */
export function freeHandle(service: string, label: string, taken: ReadonlySet<string>): string {
  const known = new Set(wordsOf(service))
  const words = wordsOf(label).filter((word) => !known.has(word))
  const base = [service, ...words]
    .join('-')
    .slice(0, 56)
    .replace(/[^A-Za-z0-9]+$/, '')
  for (let number = 1; ; number += 1) {
    const handle = number === 1 ? base : `${base}-${number}`
    if (!taken.has(handle)) return handle
  }
}
