import type { SignedIn } from '../api/types.ts'
import { useApprovals, waiting } from '../approvals.tsx'
import { ApprovalCard } from '../parts/approval-card.tsx'
import { DenySeveral } from '../parts/deny-several.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'

export function InboxView({ role }: { readonly role: SignedIn['operator']['role'] }) {
  const { pending, error, refresh } = useApprovals()
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
      {pending !== undefined && pending.length > 1 && role !== 'auditor' && (
        <DenySeveral of={pending} onDenied={refresh} />
      )}
      {pending?.length === 0 && (
        <p className="empty">
          When an agent wants to do what a human must allow, it stands here. It waits until you answer.
        </p>
      )}
    </>
  )
}
