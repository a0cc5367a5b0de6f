import { useState } from 'react'
import { ask } from '../api/client.ts'
import type { Agent, Items, SignedIn, Token } from '../api/types.ts'
import { Name } from '../parts/name.tsx'
import { OnceShown } from '../parts/once-shown.tsx'
import { Title } from '../parts/title.tsx'
import { TokenForm } from '../parts/token-form.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Twice } from '../parts/twice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useTask } from '../parts/use-task.ts'
import { moment } from '../parts/words.ts'

/** Agents' API keys: made, shown once, listed, revoked. Owners change them. */
export function TokensView({ role }: { readonly role: SignedIn['operator']['role'] }) {
  const { value, trouble, again } = useLoad<Items<Token>>('/tokens')
  const { value: agents } = useLoad<Items<Agent>>('/agents')
  const { busy, trouble: refused, run } = useTask()
  const [token, setToken] = useState<string>()
  const keys = value?.items.filter(({ agent, status }) => agent !== undefined && status === 'active')
  const revoke = (id: string) =>
    run(async () => {
      await ask('DELETE', `/tokens/${id}`)
      again()
    })
  return (
    <>
      <Title>API keys</Title>
      <Trouble says={trouble ?? refused} />
      {token !== undefined && (
        <OnceShown
          title="The new key"
          hint="Give it to the agent now: it is not shown again."
          lines={[token]}
          done="I have it"
          onDone={() => setToken(undefined)}
        />
      )}
      {keys?.length === 0 && <p className="empty">No agent has a key.</p>}
      <ul className="rows">
        {keys?.map((key) => (
          <li key={key.id}>
            <span className="row-main">
              <strong>
                <Name of={key.agent ?? key.owner} />
              </strong>
              {key.label !== undefined && <Name of={key.label} />}
              <code>{key.id}</code>
              <span className="quiet">until {moment(key.expiresAt)}</span>
            </span>
            {role === 'owner' && (
              <Twice
                name="Revoke"
                sure="Revoke it"
                about={`key of ${key.agent ?? key.owner}`}
                busy={busy}
                onSure={() => void revoke(key.id)}
              />
            )}
          </li>
        ))}
      </ul>
      {role === 'owner' && (
        <TokenForm
          agents={agents?.items.filter(({ status }) => status === 'active') ?? []}
          onMade={(made) => {
            setToken(made)
            again()
          }}
        />
      )}
    </>
  )
}
