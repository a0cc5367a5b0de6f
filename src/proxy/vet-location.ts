import { type Origin, originMatches } from '../ground/origin.ts'

/**
 * What the caller gets of a `Location`. It holds no credential and is never followed here, so a place elsewhere is
 * passed on in absolute form; a place on the service comes back through the gateway when `base` (`/to/<service>`) is
 * given. Undefined, so that the header is dropped, where two readers could go to two places: userinfo, backslash,
 * control bytes, non-ASCII, other schemes.
 */
export function vetLocation(
  value: string,
  from: Origin,
  target: string,
  origins: readonly Origin[],
  base: string | undefined,
): string | undefined {
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(value)) return undefined
  let url: URL
  try {
    url = new URL(value, `${from.href}${target}`)
  } catch {
    return undefined
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/*[^/?#]*@/i.test(value)) return undefined
  if (base === undefined || !isOnService(url, from, origins)) return url.href
  return `${base}${url.pathname}${url.search}${url.hash}`
}

/** Only where the gateway would dial by itself: the origin of this very call, if the service has it. */
function isOnService(url: URL, from: Origin, origins: readonly Origin[]): boolean {
  const scheme = url.protocol.slice(0, -1)
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port)
  if (url.hostname !== from.host || port !== from.port || scheme !== from.scheme) return false
  return origins.some((origin) => originMatches(origin, url.hostname, port, scheme))
}
