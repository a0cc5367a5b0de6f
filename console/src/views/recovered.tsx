import { useState } from 'react'
import { addPasskey } from '../api/passkey.ts'
import { leave } from '../api/session.ts'
import { Mark } from '../parts/mark.tsx'
import { OnceShown } from '../parts/once-shown.tsx'
import { PasskeyName } from '../parts/passkey-name.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useTask } from '../parts/use-task.ts'

/** Who came by a recovery code may make a passkey, and nothing else. */
export function RecoveredView() {
  const { busy, trouble, run } = useTask()
  const [name, setName] = useState('')
  const [codes, setCodes] = useState<readonly string[]>([])
  const make = async () => {
    const { recoveryCodes = [] } = await addPasskey(name)
    if (recoveryCodes.length === 0) leave()
    else setCodes(recoveryCodes)
  }
  return (
    <main className="door">
      <Mark />
      <Title>Make a new passkey</Title>
      {codes.length > 0 ? (
        <OnceShown
          title="Your recovery codes"
          hint="They are not shown again."
          lines={codes}
          done="I have kept them"
          onDone={() => leave()}
        />
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault()
            void run(make)
          }}
        >
          <p>The code is used up. Make a passkey now, and sign in with it.</p>
          <PasskeyName value={name} onChange={setName} />
          <button type="submit" className="primary wide" disabled={busy}>
            Make the passkey
          </button>
          <Trouble says={trouble} />
        </form>
      )}
    </main>
  )
}
