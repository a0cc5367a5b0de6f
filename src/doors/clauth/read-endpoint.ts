import { type Origin, parseOrigin } from '../../ground/origin.ts'

/** Where a skill wants its call to go. */
export interface Endpoint {
  /** `https:`; what is neither that nor `http:` is never called. */
  readonly protocol: string
  /** As people read it. */
  readonly host: string
  readonly origin: Origin
  /** Path and query as they were written, but for what no URL may hold as it is: that is encoded. */
  readonly path: string
}

type Front = Omit<Endpoint, 'path'>

/** An origin that is on no service: what cannot be read as one is refused, and recorded, like a foreign one. */
const unreadable: Origin = Object.freeze({ scheme: 'https', host: '', port: 0, wildcard: false, href: '(unreadable)' })

/** Fronts that were read lately, `https://host`: a skill calls the same few again and again. */
const lately = new Map<string, Front>()
const MOST_KEPT = 1_024

/** Undefined for what is no absolute URL. */
export function readEndpoint(text: string): Endpoint | undefined {
  const slash = text.indexOf('/', 'https://'.length)
  const front = slash < 0 ? text : text.slice(0, slash)
  const known = lately.get(front)
  // What is behind a front that is one makes no URL invalid.
  if (known !== undefined) return endpoint(known, text.slice(front.length))
  const url = URL.parse(text)
  return url === null ? undefined : splitEndpoint(text, url)
}

/** Split without being parsed, so that the path stays as it was written. */
function splitEndpoint(text: string, { protocol, hostname: host }: URL): Endpoint {
  const front = /^https?:\/\/[^/?#]*/i.exec(text)?.[0] ?? ''
  try {
    const known = { protocol, host, origin: parseOrigin(front, { anyPort: true }) }
    if (lately.size >= MOST_KEPT) lately.clear()
    lately.set(front, known)
    return endpoint(known, text.slice(front.length))
  } catch {
    return { protocol, host, origin: unreadable, path: '/' }
  }
}

function endpoint({ protocol, host, origin }: Front, behind: string): Endpoint {
  const hash = behind.indexOf('#')
  const rest = hash < 0 ? behind : behind.slice(0, hash)
  const path = rest.startsWith('/') ? rest : `/${rest}`
  return { protocol, host, origin, path: path.replace(/[^\x21-\x7e]+/g, encodeURIComponent) }
}
