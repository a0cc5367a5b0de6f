import { passesToCaller } from '../ground/response-header-names.ts'

/** Headers as undici gives them: names in lower case, a list where a name stood more than once. */
export type ParsedHeaders = Readonly<Record<string, string | string[] | undefined>>

/** What the head of an answer passes through on its way to the caller. */
export interface HeadFilter {
  /** Removes secrets from a value. */
  text(value: string): string
  /** Turns a `Location` into what the caller gets, or undefined to drop it. */
  location(value: string): string | undefined
  /** Whether the body goes on in another coding or with other bytes than those the upstream described. */
  readonly rewritten: boolean
}

const passing = new Map<string, boolean>()
const MAX_PASSING = 4_096
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** Describe the bytes of the body as the upstream sent it. */
const ofTheBytes: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-md5',
  'content-digest',
  'digest',
  'repr-digest',
])

function passes(name: string): boolean {
  const known = passing.get(name)
  if (known !== undefined) return known
  const verdict = passesToCaller(name)
  if (passing.size < MAX_PASSING && name.length <= 64) passing.set(name, verdict)
  return verdict
}

/** Headers for the caller, names and values by turns, without `Content-Length`. */
export function responseHead(parsed: ParsedHeaders, filter: HeadFilter): string[] {
  const headers: string[] = []
  const hops = namedInConnection(parsed.connection)
  for (const name of Object.keys(parsed)) {
    if (!passes(name) || (filter.rewritten && ofTheBytes.has(name)) || hops?.has(name) === true) continue
    if (filter.text(name) !== name) continue // a secret that stands in a name cannot be taken out of it
    const value = parsed[name]
    if (typeof value === 'string') put(headers, name, value, filter)
    else if (value !== undefined && name !== 'location') for (const one of value) put(headers, name, one, filter)
  }
  return headers
}

/** What the service's `Connection` lists is meant for us alone. Undefined where that is the usual. */
function namedInConnection(value: string | string[] | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  const options = Array.isArray(value) ? value.join(',') : value
  return new Set(options.split(',').map((option) => option.trim().toLowerCase()))
}

function put(headers: string[], name: string, sent: string, filter: HeadFilter): void {
  // Scrubbed before it is read as a URL, which may change letters, and after, which may undo an escape.
  const value = name === 'location' ? filter.location(filter.text(sent)) : sent
  if (value !== undefined && VALUE.test(value)) headers.push(name, filter.text(value))
}

/** The reason phrase for the caller: printable ASCII, scrubbed; undefined for the standard one. */
export function responseReason(text: string | undefined, filter: HeadFilter): string | undefined {
  if (text === undefined || text === '') return undefined
  const scrubbed = filter.text(text)
  return /^[\t\x20-\x7e]{1,256}$/.test(scrubbed) ? scrubbed : undefined
}

export function isEventStream(headers: ParsedHeaders): boolean {
  const type = headers['content-type']
  return typeof type === 'string' && type.toLowerCase().startsWith('text/event-stream')
}
