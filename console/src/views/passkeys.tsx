import { useState } from 'react'
import { ask } from '../api/client.ts'
import { addPasskey } from '../api/passkey.ts'
import type { Items, Passkey, SignedIn } from '../api/types.ts'
import { OnceShown } from '../parts/once-shown.tsx'
import { PasskeyName } from '../parts/passkey-name.tsx'
import { Row } from '../parts/row.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Twice } from '../parts/twice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useTask } from '../parts/use-task.ts'
import { moment } from '../parts/words.ts'

export function PasskeysView({ who }: { readonly who: SignedIn }) {
  const { value, trouble, again } = useLoad<Items<Passkey>>(
    `/passkeys?operator=${encodeURIComponent(who.operator.name)}`,
  )
  const { busy, trouble: refused, run } = useTask()
  const [codes, setCodes] = useState<readonly string[]>([])
  const remove = (id: string) =>
    run(async () => {
      await ask('DELETE', `/passkeys/${id}`)
      again()
    })
  const renew = () =>
    run(async () => {
      const { recoveryCodes } = await ask<{ recoveryCodes: string[] }>('POST', '/people/recovery-codes')
      setCodes(recoveryCodes)
    })
  return (
    <>
      <Title>Passkeys</Title>
      <Trouble says={trouble ?? refused} />
      <ul className="rows">
        {value?.items.map((passkey) => (
          <PasskeyRow key={passkey.id} of={passkey} busy={busy} onRemove={() => void remove(passkey.id)} />
        ))}
      </ul>
      <AddForm
        onAdded={(made) => {
          setCodes(made)
          again()
        }}
      />
      <section>
        <h2>Recovery codes</h2>
        {codes.length > 0 ? (
          <OnceShown
            title="Your new recovery codes"
            hint="The old ones are void. These are not shown again."
            lines={codes}
            done="I have kept them"
            onDone={() => setCodes([])}
          />
        ) : (
          <>
            <p>For the day when no passkey is at hand. New codes end the old ones.</p>
            <button type="button" disabled={busy} onClick={() => void renew()}>
              Make new codes
            </button>
          </>
        )}
      </section>
    </>
  )
}

interface RowProps {
  readonly of: Passkey
  readonly busy: boolean
  onRemove(): void
}

function PasskeyRow({ of: passkey, busy, onRemove }: RowProps) {
  const { name, createdAt, lastUsedAt, thisMachineOnly, synced } = passkey
  return (
    <Row
      name={name}
      words={[thisMachineOnly && 'this machine only', synced && 'synced']}
      quiet={`made ${moment(createdAt)}${lastUsedAt === undefined ? '' : `, last used ${moment(lastUsedAt)}`}`}
    >
      <Twice name="Remove" sure="Remove it" about={name} busy={busy} onSure={onRemove} />
    </Row>
  )
}

function AddForm({ onAdded }: { readonly onAdded: (codes: readonly string[]) => void }) {
  const { busy, trouble, run } = useTask()
  const [name, setName] = useState('')
  const add = async () => {
    const { recoveryCodes = [] } = await addPasskey(name)
    setName('')
    onAdded(recoveryCodes)
  }
  return (
    <section>
      <h2>Add one</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void run(add)
        }}
      >
        <PasskeyName value={name} onChange={setName} />
        <button type="submit" disabled={busy}>
          Add a passkey
        </button>
        <Trouble says={trouble} />
      </form>
    </section>
  )
}
