// The services that an import from Clauth needs: one for each provider, with the hosts and the way of attaching that Clauth has.
import type { ClauthCredential } from './clauth-formats.ts'
import type { ClauthHome } from './clauth-home.ts'
import type { ClauthPresent } from './clauth-present.ts'
import { sameInjection, type WantedService, wantedService } from './clauth-provider.ts'
import { type Item, leave } from './item.ts'

const SERVICE_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/

/** What the services are, or will be, that credentials and grants are for. */
export interface PlannedServices {
  readonly items: readonly Item[]
  readonly byName: ReadonlyMap<string, { readonly origins: readonly string[]; readonly injection?: object }>
  /** Why there is none of that name, where there should be. */
  readonly why: (name: string) => string
}

export function servicesOf(home: ClauthHome, present: ClauthPresent): PlannedServices {
  const byProvider = Map.groupBy(home.credentials.values(), ({ provider }) => provider.toLowerCase())
  // A grant may be there before what it is for.
  for (const { provider, active } of home.grants) {
    const name = provider.toLowerCase()
    if (active && !byProvider.has(name)) byProvider.set(name, [])
  }
  const byName = new Map(present.services)
  const items: Item[] = []
  for (const [name, credentials] of byProvider) {
    const item = serviceItem(name, credentials, present)
    items.push(item)
    const made = item.facts as { origins: readonly string[]; injection: object } | undefined
    if (item.action === 'bring' && made !== undefined) byName.set(name, made)
  }
  const whys = new Map(items.flatMap(({ name, why }) => (why === undefined ? [] : [[name, why] as const])))
  return { items, byName, why: (name) => whys.get(name) ?? `there is no service ${name}` }
}

function serviceItem(name: string, credentials: readonly ClauthCredential[], present: ClauthPresent): Item {
  const there = present.services.get(name)
  if (there !== undefined) return { what: 'service', name, action: 'known', facts: { origins: there.origins } }
  if (!SERVICE_NAME.test(name)) return leave('service', name, 'no service can have this name', { failed: true })
  const some = credentials.length > 0 ? credentials : [{ metadata: undefined }]
  const wanted = chosen(some.map((credential) => wantedService(name, credential)))
  const template = present.templates.get(name)
  const origins = wanted.own ? wanted.origins : (template ?? wanted.origins)
  if (origins === undefined) {
    const why = `no host is known for it: claviger service add ${name} --origin https://… --inject …`
    return leave('service', name, why, { failed: true })
  }
  const { injection } = wanted
  const body = { name, ...(template !== undefined && { template: name }), origins, injection }
  return {
    ...{ what: 'service', name, action: 'bring', facts: { origins, injection } },
    bring: async ({ client, journal }) => {
      await client.ask({ method: 'POST', path: '/services', body })
      journal.append({ madeService: name })
      return {}
    },
  }
}

/** Where credentials of one provider differ, the one without a list of its own says what the service is. */
function chosen(wanted: readonly WantedService[]): WantedService {
  return wanted.find(({ own, origins }) => !own && origins !== undefined) ?? wanted.find(({ own }) => own) ?? wanted[0]!
}

/** Why a credential cannot be one of that service; undefined if it can. */
export function misfit(provider: string, credential: ClauthCredential, service: ServiceShape): string | undefined {
  return misfitOf(provider, wantedService(provider, credential), service)
}

interface ServiceShape {
  readonly origins: readonly string[]
  readonly injection?: object
}

export function misfitOf(
  provider: string,
  { own, origins = [], injection }: WantedService,
  service: ServiceShape,
): string | undefined {
  if (!sameInjection(service.injection, injection)) return `the service ${provider} attaches credentials in another way`
  const more = own ? service.origins.filter((origin) => !origins.includes(origin)) : []
  if (more.length > 0) return `it may not go to ${more.join(', ')}, as those of the service ${provider} may`
  return undefined
}
