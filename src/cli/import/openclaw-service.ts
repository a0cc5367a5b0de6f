// Whose key it is that stands at a path of OpenClaw's configuration or in one of its profiles.
import type { Around } from './around.ts'
import { nearestService } from './nearest-service.ts'

/** Members beside a key, or beside the headers it is in, that say where it is sent. */
const ADDRESSES = ['baseUrl', 'url', 'endpoint', 'homeserver', 'serverUrl', 'apiUrl']

/** `valueAt` gives the string at a path. An address beside the key says more than any name. */
export function serviceOfPath(
  path: readonly string[],
  valueAt: (path: readonly string[]) => string | undefined,
  around: Around,
): string {
  const beside = [path.slice(0, -1), path.slice(0, -2)].flatMap((parent) => ADDRESSES.map((name) => [...parent, name]))
  const address = beside.map(valueAt).find((value) => value !== undefined && URL.canParse(value))
  if (address !== undefined && !path.includes('env')) return around.serviceAt(new URL(address).hostname)
  return asProvider(nearestService(path, around.names), path)
}

/** The service of a profile's `provider`. */
export function serviceOfProvider(provider: string, around: Around): string {
  return asProvider(nearestService([provider], around.names), ['models', provider])
}

/** What OpenClaw calls `google` where it speaks of models and searches is the Gemini API, which takes keys of its own. */
function asProvider(service: string, path: readonly string[]): string {
  return service === 'google' && ['models', 'memory', 'webSearch', 'talk', 'tts'].some((name) => path.includes(name))
    ? 'gemini'
    : service
}
