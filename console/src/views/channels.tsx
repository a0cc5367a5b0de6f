import { ask } from '../api/client.ts'
import type { Channel, Items, SignedIn } from '../api/types.ts'
import { Link } from '../parts/link.tsx'
import { Name } from '../parts/name.tsx'
import { Row } from '../parts/row.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Twice } from '../parts/twice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useTask } from '../parts/use-task.ts'
import { moment } from '../parts/words.ts'

/** Who is told of what waits, and by which ways. An owner takes people out; adding wants what only a terminal takes. */
export function ChannelsView({ role }: { readonly role: SignedIn['operator']['role'] }) {
  const { value, trouble, again } = useLoad<Items<Channel>>('/channels')
  const { busy, trouble: refused, run } = useTask()
  const remove = (channel: string, user: string) =>
    run(async () => {
      try {
        await ask('DELETE', `/channels/${encodeURIComponent(channel)}/people/${encodeURIComponent(user)}`)
      } finally {
        again()
      }
    })
  return (
    <>
      <Title>Channels</Title>
      <p>Ways by which people are told of what waits. The inbox has all of it, whatever a channel does.</p>
      <Trouble says={trouble ?? refused} />
      {value?.items.length === 0 && <p className="empty">There is none: nobody is told.</p>}
      {value?.items.map((channel) => (
        <section key={channel.id} data-channel={channel.name}>
          <h2>
            <Name of={channel.name} />
          </h2>
          <About of={channel} />
          <ul className="rows">
            {channel.people.map(({ user, operator }) => (
              <Row key={user} name={operator} quiet={<Name of={user} />}>
                {role === 'owner' && channel.kind !== 'push' && (
                  <Twice
                    name="Remove"
                    sure="Remove them"
                    about={`${operator} from ${channel.name}`}
                    busy={busy}
                    onSure={() => void remove(channel.name, user)}
                  />
                )}
              </Row>
            ))}
          </ul>
        </section>
      ))}
    </>
  )
}

function About({ of: { kind, name, account, people, failingSince, lastError } }: { readonly of: Channel }) {
  const what = [name === kind ? undefined : kind, kind === 'push' ? undefined : account]
  return (
    <>
      <p className="quiet">
        <Name of={what.filter((part) => part !== undefined).join(', ')} />
        {people.length === 0 && ' Reaches nobody.'}
      </p>
      {kind === 'push' && (
        <p className="quiet">
          These are browsers: <Link to="/devices">Devices</Link> has yours.
        </p>
      )}
      {failingSince !== undefined && (
        <p className="trouble">
          Nothing gets through since {moment(failingSince)}
          {lastError !== undefined && (
            <>
              : <Name of={lastError} />
            </>
          )}
          .
        </p>
      )}
    </>
  )
}
