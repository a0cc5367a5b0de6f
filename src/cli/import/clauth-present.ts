// What the gateway has, as far as an import from Clauth wants to know. Asked by reads alone.
import type { GatewayClient } from '../client.ts'
import { settingInHome } from '../home-env.ts'
import type { KnownSecrets } from './known-secrets.ts'
import { bundledTemplates } from './present.ts'

export interface ClauthPresent {
  /** Undefined where no gateway answers: what is there already cannot be said then. */
  readonly known: KnownSecrets | undefined
  readonly services: ReadonlyMap<string, { readonly origins: readonly string[]; readonly injection?: object }>
  /** Templates that need no values, with their origins. */
  readonly templates: ReadonlyMap<string, readonly string[]>
  readonly credentials: ReadonlyMap<
    string,
    { readonly service: string; readonly meta: Readonly<Record<string, string>> }
  >
  readonly grants: readonly {
    readonly skillId: string
    readonly provider: string
    readonly scope: string
    readonly active: boolean
  }[]
  /** Skills that have, or had, a token here. */
  readonly skills: ReadonlySet<string>
  /** Addresses of webhooks. */
  readonly webhooks: ReadonlySet<string>
  /** What the home's file of settings sets. */
  readonly settingOf: (name: string) => string | undefined
}

/** What can be said without asking: the bundled templates. */
export async function nothingAsked(): Promise<ClauthPresent> {
  const templates = (await bundledTemplates()).map(({ name, origins }) => [name, origins] as const)
  return {
    known: undefined,
    services: new Map(),
    templates: new Map(templates),
    credentials: new Map(),
    grants: [],
    skills: new Set(),
    webhooks: new Set(),
    settingOf: () => undefined,
  }
}

export async function askClauthPresent(
  client: GatewayClient,
  known: KnownSecrets | undefined,
  home: string,
): Promise<ClauthPresent> {
  const list = async (path: string) => (await client.ask({ method: 'GET', path })).items
  const [services, templates, credentials] = [
    await list('/services'),
    await list('/service-templates'),
    await list('/credentials'),
  ]
  const [grants, tokens, webhooks] = [
    await list('/clauth/grants'),
    await list('/clauth/skill-tokens'),
    await list('/webhooks'),
  ]
  // biome-ignore-start lint/suspicious/noExplicitAny: the shapes belong to the rooms
  const fixed = templates.filter(({ origins }: any) => origins.every((origin: string) => !origin.includes('{')))
  return {
    known,
    services: new Map(services.map((one: any) => [one.name, one])),
    templates: new Map(fixed.map(({ name, origins }: any) => [name, origins])),
    credentials: new Map(
      credentials.map((one: any) => [one.handle, { service: one.serviceName ?? one.service, meta: one.meta }]),
    ),
    grants,
    skills: new Set(tokens.map(({ skillId }: any) => skillId)),
    webhooks: new Set(webhooks.map(({ url }: any) => url)),
    settingOf: (name) => settingInHome(home, name),
  }
  // biome-ignore-end lint/suspicious/noExplicitAny: as above
}
