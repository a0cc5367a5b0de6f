import type { Origin } from '../ground/origin.ts'

/** The value of `Host` that a request to the origin carries: the port only where it is not the scheme's own. */
export function hostOf({ scheme, host, port }: Origin): string {
  return port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`
}
