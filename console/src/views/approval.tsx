import type { Shown } from '../../../src/approvals/shown/shown.ts'
import type { OneApproval, SignedIn } from '../api/types.ts'
import { useApprovals } from '../approvals.tsx'
import { Answers } from '../parts/answers.tsx'
import { Link } from '../parts/link.tsx'
import { Name } from '../parts/name.tsx'
import { SendingOf } from '../parts/sending.tsx'
import { Facts, ShownAction } from '../parts/shown-action.tsx'
import { assuranceWords, StatusWord } from '../parts/status-word.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useNow } from '../parts/use-now.ts'
import { left } from '../parts/words.ts'
import { VerdictBar } from './verdict-bar.tsx'

interface ApprovalProps {
  readonly id: string
  readonly role: SignedIn['operator']['role']
}

/** One approval: all that would be sent, and the answer. What is shown was made by the gateway of what it will send. */
export function ApprovalView({ id, role }: ApprovalProps) {
  const { round, refresh } = useApprovals()
  const { value: one, trouble } = useLoad<OneApproval>(`/approvals/${id}`, round)
  if (one === undefined) {
    return (
      <>
        <Title>Approval</Title>
        <Trouble says={trouble} />
      </>
    )
  }
  return (
    <article className="approval" data-approval={one.id}>
      <p className="back">
        <Link to="/">Inbox</Link>
      </p>
      <Title>{one.shown.title}</Title>
      <p>
        <strong>
          <Name of={one.agent.name} />
        </strong>{' '}
        asks.
      </p>
      <Standing of={one} />
      <Trouble says={trouble} />
      <ShownAction shown={one.shown} isCall={one.kind === 'call'} />
      {one.window !== undefined && <Offer shown={one.window.shown} />}
      <Answers of={one.answers} />
      {one.sending !== undefined && one.status !== 'pending' && <SendingOf sending={one.sending} status={one.status} />}
      {one.status === 'pending' && role !== 'auditor' && <VerdictBar of={one} onAnswered={refresh} />}
    </article>
  )
}

/** What else may be allowed in the same answer, whole. */
function Offer({ shown }: { readonly shown: Shown }) {
  return (
    <section className="offer" aria-label="More of the same">
      <h2>Or more of the same, without being asked again</h2>
      <p>
        <Name of={shown.allows} />
      </p>
      <details>
        <summary>What such a call must be</summary>
        <Facts of={shown.facts} />
      </details>
    </section>
  )
}

function Standing({ of: one }: { readonly of: OneApproval }) {
  const now = useNow()
  return (
    <p className="standing" role="status">
      <StatusWord of={one} />
      {one.status === 'pending' ? (
        <span aria-live="off">
          {left(Date.parse(one.expiresAt), now)} left · {assuranceWords[one.assurance]}
        </span>
      ) : (
        one.decidedBy !== undefined && (
          <span>
            by <Name of={one.decidedBy} />
          </span>
        )
      )}
    </p>
  )
}
