// What an importer knows of the gateway while it looks: the services that are there, by name and by host.
import { isCommonWord, UNKNOWN } from './nearest-service.ts'
import type { Present } from './plan.ts'

export interface Around {
  /** Names of services. */
  readonly names: ReadonlySet<string>
  /** The service that is called at this host, else `unknown`: a name that merely looks alike is another place. */
  serviceAt(host: string): string
  /** The service that has this origin, port and all, among its own; undefined if none has. */
  serviceOn(origin: string): string | undefined
}

/** Hosts that files name and the services behind them, which live at other hosts. */
const hosts: ReadonlyMap<string, string> = new Map([
  ['github.com', 'github'],
  ['api.github.com', 'github'],
  ['gitlab.com', 'gitlab'],
  ['registry.npmjs.org', 'npm'],
  ['huggingface.co', 'huggingface'],
])

/** Services that are there go before those that could be made, and these before hosts that only files know. */
export function aroundOf({ services, templates }: Present, more: Iterable<string>): Around {
  const byHost = new Map([...hosts, ...[...templates, ...services].flatMap(hostsOf)])
  const made = templates.map(({ name }) => name).filter((name) => !isCommonWord(name))
  return {
    names: new Set([...made, ...services.map(({ name }) => name), ...more]),
    serviceAt: (host) => byHost.get(host.toLowerCase()) ?? UNKNOWN,
    serviceOn: (origin) => services.find(({ origins = [] }) => origins.includes(origin))?.name,
  }
}

function hostsOf({
  name,
  origins = [],
}: {
  name: string
  origins?: readonly string[]
}): [host: string, name: string][] {
  return origins.filter((origin) => URL.canParse(origin)).map((origin) => [new URL(origin).hostname, name])
}
