// What `claviger doctor` says of credentials that renew themselves.
import type { Finding } from './finding.ts'

export interface ConnectionsStanding {
  readonly count: number
  /** Handles. */
  readonly needReauth: readonly string[]
}

/** None where there are no connections. */
export function connectionFindings({ count, needReauth }: ConnectionsStanding): Finding[] {
  const about = 'connections'
  if (count === 0) return []
  if (needReauth.length === 0) return [{ state: 'ok', about, says: `${count}, and all renew themselves` }]
  const says = `${needReauth.length} of ${count} must be connected anew: ${needReauth.slice(0, 5).join(', ')}`
  const hint =
    '`claviger connection list` says why; `claviger connect`, or `claviger connection add --replace`, mends it.'
  return [{ state: 'note', about, says, hint }]
}
