import { ask } from '../api/client.ts'
import type { Items, SignedIn, TrustWindow } from '../api/types.ts'
import { useApprovals } from '../approvals.tsx'
import { Link } from '../parts/link.tsx'
import { Name } from '../parts/name.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Twice } from '../parts/twice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useNow } from '../parts/use-now.ts'
import { useTask } from '../parts/use-task.ts'
import { left } from '../parts/words.ts'

/** What agents may do for a while without being asked again. Whoever answers may end it. */
export function WindowsView({ role }: { readonly role: SignedIn['operator']['role'] }) {
  const { round } = useApprovals()
  const { value, trouble, again } = useLoad<Items<TrustWindow>>('/windows', round)
  const { busy, trouble: refused, run } = useTask()
  const end = (id: string) =>
    run(async () => {
      try {
        await ask('DELETE', `/windows/${id}`)
      } finally {
        again()
      }
    })
  return (
    <>
      <Title>Trust windows</Title>
      <Trouble says={trouble ?? refused} />
      {value?.items.length === 0 && <p className="empty">Every call that must be asked about is.</p>}
      <ul className="rows">
        {value?.items.map((window) => (
          <li key={window.id} data-window={window.id}>
            <WindowLine of={window} />
            {role !== 'auditor' && (
              <Twice
                name="End"
                sure="End it"
                about={`window of ${window.agent.name}`}
                busy={busy}
                onSure={() => void end(window.id)}
              />
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

function WindowLine({ of: window }: { readonly of: TrustWindow }) {
  const now = useNow()
  const { agent, service, action, method, origin, path, credential, calls, endsAt, openedBy } = window
  return (
    <span className="row-main">
      <Link to={`/approvals/${window.id}`}>
        <strong>
          <Name of={agent.name} />
        </strong>
      </Link>
      <span>
        <Name of={action === undefined ? `${method} ${origin}${path}` : `${action} on ${service.name}`} />
      </span>
      {credential !== undefined && (
        <span className="quiet">
          with <Name of={credential} />
        </span>
      )}
      <span className="quiet">
        {calls.used} of {calls.of} calls · {left(Date.parse(endsAt), now)} left
      </span>
      <span className="quiet">
        allowed by <Name of={openedBy.join(', ')} />
      </span>
    </span>
  )
}
