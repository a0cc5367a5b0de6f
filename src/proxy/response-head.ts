import { passesToCaller } from '../ground/response-header-names.ts'

/** Headers as undici gives them: names in lower case, a list where a name stood more than once. */
export type ParsedHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface ResponseHeadOptions {
  /** Removes secrets from a value; undefined where the service is not scrubbed. */
  readonly scrub: ((text: string) => string) | undefined
  /** Turns a `Location` into what the caller gets, or undefined to drop it. */
  readonly location: (value: string) => string | undefined
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
export function responseHead(parsed: ParsedHeaders, options: ResponseHeadOptions): string[] {
  const headers: string[] = []
  for (const name of Object.keys(parsed)) {
    if (!passes(name) || (options.rewritten && ofTheBytes.has(name))) continue
    const value = parsed[name]
    if (typeof value === 'string') put(headers, name, value, options)
    else if (value !== undefined && name !== 'location') for (const one of value) put(headers, name, one, options)
  }
  return headers
}

function put(headers: string[], name: string, sent: string, options: ResponseHeadOptions): void {
  const value = name === 'location' ? options.location(sent) : sent
  if (value === undefined || !VALUE.test(value)) return
  headers.push(name, options.scrub === undefined ? value : options.scrub(value))
}

/** The reason phrase for the caller: printable ASCII, scrubbed; undefined for the standard one. */
export function responseReason(
  text: string | undefined,
  scrub: ((text: string) => string) | undefined,
): string | undefined {
  if (text === undefined || text === '') return undefined
  const scrubbed = scrub === undefined ? text : scrub(text)
  return /^[\t\x20-\x7e]{1,256}$/.test(scrubbed) ? scrubbed : undefined
}
