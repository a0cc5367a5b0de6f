import type { Vendor } from './contract.ts'

/** How an answer comes piece by piece: events, lines of JSON, or a list in JSON whose elements come one by one. */
export type StreamKind = 'events' | 'lines' | 'list'

/** Google streams a list where it is not asked for events (`alt=sse`). */
const AS_LIST = ':streamGenerateContent'

/** Undefined for an answer that is one whole. `type`: its `Content-Type`; `path`: the request's. */
export function streamKind(type: string, { api }: Pick<Vendor, 'api'>, path: string): StreamKind | undefined {
  const kind = type.toLowerCase()
  if (kind.startsWith('text/event-stream')) return 'events'
  if (kind.startsWith('application/x-ndjson') || kind.startsWith('application/jsonl')) return 'lines'
  const isList = api === 'google-gemini' && kind.startsWith('application/json') && path.endsWith(AS_LIST)
  return isList ? 'list' : undefined
}
