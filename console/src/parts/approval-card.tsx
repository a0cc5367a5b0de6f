import type { ApprovalLine } from '../api/types.ts'
import { Link } from './link.tsx'
import { Name } from './name.tsx'
import { assuranceWords, StatusWord } from './status-word.tsx'
import { useNow } from './use-now.ts'
import { left, moment } from './words.ts'

/** One approval in a list. */
export function ApprovalCard({ of: one }: { readonly of: ApprovalLine }) {
  const now = useNow()
  const waits = one.status === 'pending'
  return (
    <Link to={`/approvals/${one.id}`} className={`card ${one.status}`}>
      <span className="card-head">
        <strong>
          <Name of={one.agent.name} />
        </strong>
        {waits ? <span className="quiet">{left(Date.parse(one.expiresAt), now)} left</span> : <StatusWord of={one} />}
      </span>
      <span className="says">
        <Name of={one.says} />
      </span>
      <span className="card-foot quiet">
        {waits ? (
          <>
            {assuranceWords[one.assurance]}
            {one.sending !== undefined && ' · Claviger sends it'}
          </>
        ) : (
          <>
            {moment(one.decidedAt ?? one.openedAt)}
            {one.decidedBy !== undefined && (
              <>
                {' by '}
                <Name of={one.decidedBy} />
              </>
            )}
            {one.reason !== undefined && (
              <>
                {': '}
                <Name of={one.reason} />
              </>
            )}
          </>
        )}
      </span>
    </Link>
  )
}
