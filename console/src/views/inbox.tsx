import { useApprovals, waiting } from '../approvals.tsx'
import { ApprovalCard } from '../parts/approval-card.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'

export function InboxView() {
  const { pending, error } = useApprovals()
  return (
    <>
      <Title>Inbox</Title>
      <Trouble says={error} />
      {pending !== undefined && <p className="quiet">{waiting(pending.length)}.</p>}
      <ul className="cards">
        {pending?.map((one) => (
          <li key={one.id}>
            <ApprovalCard of={one} />
          </li>
        ))}
      </ul>
      {pending?.length === 0 && (
        <p className="empty">
          When an agent wants to do what a human must allow, it stands here. It waits until you answer.
        </p>
      )}
    </>
  )
}
