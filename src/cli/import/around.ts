// What an importer knows of the gateway while it looks: the services that are there, by name and by host.
import { UNKNOWN } from './nearest-service.ts'
import type { Present } from './plan.ts'

export interface Around {
  /** Names of services. */
  readonly names: ReadonlySet<string>
  /** The service that is called at this host, else `unknown`: a name that merely looks alike is another place. */
  serviceAt(host: string): string
}

/** Hosts that files name and the services behind them, which live at other hosts. */
const hosts: ReadonlyMap<string, string> = new Map([
  ['github.com', 'github'],
  ['api.github.com', 'github'],
  ['gitlab.com', 'gitlab'],
  ['registry.npmjs.org', 'npm'],
  ['huggingface.co', 'huggingface'],
  ['api.openai.com', 'openai'],
  ['api.anthropic.com', 'anthropic'],
])

export function aroundOf({ services }: Present, more: Iterable<string>): Around {
  const byHost = new Map(
    services.flatMap(
      ({ name, origins = [] }) =>
        origins.flatMap((origin) => (URL.canParse(origin) ? [[new URL(origin).hostname, name]] : [])) as [
          string,
          string,
        ][],
    ),
  )
  return {
    names: new Set([...services.map(({ name }) => name), ...more]),
    serviceAt: (host) => byHost.get(host.toLowerCase()) ?? hosts.get(host.toLowerCase()) ?? UNKNOWN,
  }
}
