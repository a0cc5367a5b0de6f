// What an import would do: which secrets there are, what each is called, and what happens to every place it stands at. Pure.
import { createSecretKey, randomBytes } from 'node:crypto'
import type { Found, Makes } from './found.ts'
import { digestOf, unstorable } from './look-at-secret.ts'
import { UNKNOWN, wordsOf } from './nearest-service.ts'
import { irreplaceable } from './replace-source.ts'

/** What the gateway has, as far as an import wants to know. */
export interface Present {
  readonly services: readonly {
    readonly name: string
    readonly template?: string | undefined
    readonly origins?: readonly string[]
    readonly injection?: { readonly kind: string; readonly username?: string }
  }[]
  readonly credentials: readonly {
    readonly handle: string
    readonly service: string
    readonly tag?: string | undefined
  }[]
  /** What a service can be made of by a name alone. */
  readonly templates: readonly { readonly name: string; readonly origins: readonly string[] }[]
  /** Templates of which somebody must say more: the names of their values. */
  readonly wanting: readonly { readonly name: string; readonly wants: readonly string[] }[]
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
  /** Or so, at an address that the file names. */
  readonly makes?: Makes
  /** Why it is left. */
  readonly why?: string
  /** What the service said of it, when it was asked. */
  readonly verified?: string
}

/** `as` is what somebody said: a place, or a provider's name, to a service's name. */
export function planImport(found: readonly Found[], present: Present, as: ReadonlyMap<string, string>): Step[] {
  const planned: Planned = { handles: new Set(present.credentials.map(({ handle }) => handle)), made: new Map() }
  return sameSecrets(found).map((places) => stepFor(places, present, as, planned))
}

/** What steps before this one took, or will have made: names of services with their first origins. */
interface Planned {
  readonly handles: Set<string>
  readonly made: Map<string, string>
}

/** The same login at two registries is a credential for each. */
function sameSecrets(found: readonly Found[]): Found[][] {
  const key = createSecretKey(randomBytes(32))
  const groups = Map.groupBy(found, ({ secret, origin = '' }) => `${digestOf(secret, key)} ${origin}`)
  return [...groups.values()]
}

function stepFor(places: Found[], present: Present, as: ReadonlyMap<string, string>, planned: Planned): Step {
  const said = places.map(({ place, service }) => as.get(place) ?? as.get(service)).find((name) => name !== undefined)
  const provider = said ?? places.map(({ service }) => service).find((name) => name !== UNKNOWN) ?? UNKNOWN
  const service = serviceFor(provider, present, said === undefined ? places[0]!.makes : undefined, planned)
  const leave = (why: string): Step => ({ places, action: 'leave', service: service.service, why })
  const why = unstorable(places[0]!.secret) ?? (places.every(staysWhy) ? staysWhy(places[0]!) : undefined)
  if (why !== undefined) return leave(why)
  const before = storedBefore(places[0]!, present, service.service)
  if (before !== undefined) return { places, action: 'known', handle: before.handle, service: before.service }
  if (provider === UNKNOWN) return leave('no known service is named around it; say which with --service PLACE=NAME')
  const unfit = service.missing ?? unfitWhy(places[0]!, service.service, present)
  if (unfit !== undefined) return leave(unfit)
  const handle = freeHandle(provider, labelOf(places), planned.handles)
  planned.handles.add(handle)
  const { template, makes } = service
  if (makes !== undefined) planned.made.set(makes.name, makes.origins[0]!)
  return {
    places,
    action: 'store',
    handle,
    service: service.service,
    ...(template && { template }),
    ...(makes && { makes }),
  }
}

/** The same secret may be here for another registry than the one that a file names. */
function storedBefore(found: Found, { tagOf, credentials }: Present, service: string) {
  const tag = tagOf(found)
  if (tag === undefined) return undefined
  return credentials.find((one) => one.tag === tag && (found.origin === undefined || one.service === service))
}

/** Why the secret cannot be attached as the service does it; undefined if it can, or nobody knows. */
function unfitWhy({ wants }: Found, name: string, { services }: Present): string | undefined {
  const injection = services.find((service) => service.name === name)?.injection
  if (wants === undefined || injection === undefined) return undefined
  if (injection.kind !== wants)
    return `service ${name} attaches its credential as ${injection.kind}, and this is for ${wants}: describe another service, and say --service PLACE=NAME`
  if (injection.username !== undefined)
    return `service ${name} sends the user name ${injection.username} by itself: store the password alone, with claviger store`
  return undefined
}

/** Why a secret is not taken because of this place; undefined if it is. */
export function staysWhy(found: Found): string | undefined {
  if (found.stays !== undefined) return found.stays
  if (found.keeps !== undefined) return undefined
  return found.rewrite === undefined ? 'its reader knows no references' : irreplaceable(found.source)
}

interface ServiceFor {
  readonly service: string
  readonly template?: string
  readonly makes?: Makes
  /** Why there is none, and none can be made. */
  readonly missing?: string
}

function serviceFor(provider: string, present: Present, makes: Makes | undefined, { made }: Planned): ServiceFor {
  const { services, templates, wanting } = present
  const there = services.find(({ name }) => name === provider) ?? services.find(({ template }) => template === provider)
  if (makes !== undefined) {
    // A service of that name is none of this registry, or it would have been known by its origin.
    const taken = there !== undefined && !makes.origins.some((origin) => there.origins?.includes(origin))
    const other = made.get(makes.name) ?? makes.origins[0]
    if (taken || other !== makes.origins[0])
      return {
        service: provider,
        missing: `service ${provider} is for another address: say which with --service PLACE=NAME`,
      }
  }
  if (there !== undefined) return { service: there.name }
  if (makes !== undefined) return { service: makes.name, makes }
  if (templates.some(({ name }) => name === provider)) return { service: provider, template: provider }
  const values = wanting.find(({ name }) => name === provider)?.wants
  const missing =
    values === undefined
      ? `there is no service ${provider}, and no template for one: claviger service add ${provider} --origin …`
      : `there is no service ${provider}, and its template wants values: claviger service add ${provider} ${values.map((value) => `--set ${value}=…`).join(' ')}`
  return { service: provider, missing }
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
