// What the gateway has, asked by reads alone: a plan is made of it, and nothing changes.
import type { GatewayClient } from '../client.ts'
import type { Found } from './found.ts'
import type { KnownSecrets } from './known-secrets.ts'
import type { Present } from './plan.ts'

/** Metadata that says that an import stored the credential: its tag among the known secrets. */
export const IMPORTED = 'imported'
/** Metadata that says by which import. */
export const JOURNAL = 'import-journal'

/** Services and credentials; `known` may come later, when something is to be written. */
export async function askPresent(client: GatewayClient, known: () => KnownSecrets | undefined): Promise<Present> {
  const { items: services } = await client.ask({ method: 'GET', path: '/services' })
  const { items: templates } = await client.ask({ method: 'GET', path: '/service-templates' })
  const { items: credentials } = await client.ask({ method: 'GET', path: '/credentials' })
  return {
    services: services.filter(isReal),
    ...sorted(templates),
    // biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the vault
    credentials: credentials.map((view: any) => ({
      handle: view.handle,
      service: view.serviceName ?? view.service,
      // One that was rotated holds another secret than the one that was imported.
      ...(view.version === 1 && view.status === 'active' && { tag: view.meta[IMPORTED] }),
    })),
    tagOf: (found: Found) => known()?.tagOf(found.secret),
  }
}

/** Where the gateway cannot be asked: a dry run still says what there is, and what the bundled templates would make of it. */
export async function presentUnasked(): Promise<Present> {
  return { services: [], credentials: [], ...sorted(await bundled()), tagOf: () => undefined }
}

/** Bundled templates that a service can be made of by a name alone; the gateway of this version has the same. */
export async function bundledTemplates(): Promise<Present['templates']> {
  return sorted(await bundled()).templates
}

async function bundled(): Promise<readonly Template[]> {
  return (await import('../../services/templates/catalogue.ts')).templates
}

type Template = Present['templates'][number]

function sorted(all: readonly Template[]): Pick<Present, 'templates' | 'wanting'> {
  const real = all.filter(isReal)
  const wanting = real.map(({ name, origins }) => ({ name, wants: valuesIn(origins) }))
  return {
    templates: real.filter(({ origins }) => valuesIn(origins).length === 0),
    wanting: wanting.filter(({ wants }) => wants.length > 0),
  }
}

/** The one for the first try answers to any key, and to nobody outside. */
function isReal({ name, template }: { name: string; template?: string }): boolean {
  return name !== 'demo' && template !== 'demo'
}

/** One with a shop's or a company's name in its origin is made by somebody who knows it. */
function valuesIn(origins: readonly string[]): string[] {
  return [...new Set(origins.flatMap((origin) => [...origin.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)))]
}
