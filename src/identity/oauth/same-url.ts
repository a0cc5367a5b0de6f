/** Where a request went, as its sender may name it. */
export interface RequestUrl {
  /** Origins at which this listener is reached. */
  readonly origins: readonly string[]
  /** The target of the request as it was sent; what follows `?` does not count. */
  readonly path: string
}

const LONGEST = 8_192
const ENCODED = /%[0-9A-Fa-f]{2}/g
const UNRESERVED = /[A-Za-z0-9._~-]/

/**
 * Whether `htu` names the request (RFC 9449 §4.3, 9): without query and fragment, after the normalisation of RFC 3986
 * §6.2.2 and §6.2.3. No user, no password, no other scheme than the origin's.
 */
export function namesRequest(htu: string, { origins, path }: RequestUrl): boolean {
  const target = withoutQuery(path)
  for (const origin of origins) {
    if (htu.length === origin.length + target.length && htu.startsWith(origin) && htu.endsWith(target)) return true
  }
  const url = htu.length > LONGEST ? null : URL.parse(htu)
  if (url === null || url.username !== '' || url.password !== '') return false
  if (!origins.some((origin) => origin === url.origin || URL.parse(origin)?.origin === url.origin)) return false
  return normal(url.pathname) === normal(target)
}

function withoutQuery(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** Escapes in upper case, and none where the character may stand for itself. */
function normal(path: string): string {
  if (!path.includes('%')) return path
  return path.replaceAll(ENCODED, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
    return UNRESERVED.test(character) ? character : triplet.toUpperCase()
  })
}
