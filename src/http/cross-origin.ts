// What pages of other origins may do at a door (Fetch §3.2): those that are listed, to the letter, and no credentials of the
// browser's own. Whoever sends no `Origin` is no page.
import type { IncomingMessage } from 'node:http'

/** `own`: the gateway's own pages, whose answers need no leave to be read. */
export type OriginKind = 'none' | 'listed' | 'own' | 'foreign'

export interface Origins {
  /** As browsers write them: `https://app.example.com`, with no path and no `/` at the end. */
  readonly listed: ReadonlySet<string>
  own(origin: string): boolean
}

const MAX_AGE_S = '600'

/** `Origin: null` is in no list, and neither is what stands twice: Node joins those by commas. */
export function originKind({ headers: { origin } }: Pick<IncomingMessage, 'headers'>, origins: Origins): OriginKind {
  if (origin === undefined) return 'none'
  if (origins.listed.has(origin)) return 'listed'
  return origins.own(origin) ? 'own' : 'foreign'
}

/** On every answer of the door: caches must not give one page's answer to another. */
export function originHeaders({ headers }: Pick<IncomingMessage, 'headers'>, kind: OriginKind): Record<string, string> {
  if (kind !== 'listed') return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': headers.origin as string,
    'access-control-expose-headers': 'retry-after, claviger-request-id',
  }
}

/** Whether a browser asks if it may ask. */
export function isPreflight({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** What it may send then. Headers of agents and people are named one by one; `*` would not mean `authorization`. */
export const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': 'authorization, content-type, x-api-key',
  'access-control-max-age': MAX_AGE_S,
}
