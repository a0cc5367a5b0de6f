import { ClavigerError } from './claviger-error.ts'

const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Whether nobody outside this machine answers at this address. */
export function isLoopback({ hostname }: URL): boolean {
  return LOOPBACK.test(hostname)
}

/** Https, or plain http to this machine. What crosses a network in clear is a token for whoever listens. */
export function isSafe(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

/** Scheme, host, port and path, without a slash at the end. Throws `base_url_invalid`. */
export function readBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (bare && isSafe(url)) return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  throw new ClavigerError('base_url_invalid', 'The base URL cannot be used', {
    hint: 'Give https://host[:port][/path]; http only for loopback',
  })
}
