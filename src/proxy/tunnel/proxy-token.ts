import { callerToken } from '../caller-token.ts'

const PROXY_AUTHORIZATION = 'proxy-authorization'

/**
 * The token that a client shows to the proxy (RFC 9110 §11.7.2): Basic as user or password, or Bearer. What stands in
 * `Authorization` is for the service, and counts for nothing here. Undefined without one. Throws Problem `token_conflict`.
 */
export function proxyToken(rawHeaders: readonly string[]): string | undefined {
  const shown: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if ((rawHeaders[at] as string).toLowerCase() !== PROXY_AUTHORIZATION) continue
    shown.push('authorization', rawHeaders[at + 1] as string)
  }
  return shown.length === 0 ? undefined : callerToken(shown)
}
