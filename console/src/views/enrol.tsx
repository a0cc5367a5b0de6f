import { type ReactNode, useState } from 'react'
import { completeEnrolment, type Enrolment, startEnrolment } from '../api/passkey.ts'
import { Mark } from '../parts/mark.tsx'
import { Name } from '../parts/name.tsx'
import { OnceShown } from '../parts/once-shown.tsx'
import { PasskeyName } from '../parts/passkey-name.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useTask } from '../parts/use-task.ts'
import { go } from '../router.ts'

interface Made {
  readonly recoveryCodes: readonly string[]
  signIn(): void
}

/** Behind `#`, which browsers send to nobody; taken out of the address bar and the history at once. */
const token = location.pathname === '/enrol' ? location.hash.slice(1) : ''
if (token !== '') history.replaceState(null, '', '/enrol')

export function EnrolView() {
  const [started, setStarted] = useState<Enrolment>()
  const [made, setMade] = useState<Made>()
  const enter = (done: Made) => {
    done.signIn()
    go('/')
  }
  if (made !== undefined) {
    return (
      <Door>
        <OnceShown
          title="Your recovery codes"
          hint="Keep them where you find them without this device. Each lets you make a new passkey, once. They are not shown again."
          lines={made.recoveryCodes}
          done="I have kept them"
          onDone={() => enter(made)}
        />
      </Door>
    )
  }
  if (started === undefined) return <Begin onStarted={setStarted} />
  return <Make started={started} onMade={(done) => (done.recoveryCodes.length === 0 ? enter(done) : setMade(done))} />
}

/** A press first: what merely looks at a link must not use it up. */
function Begin({ onStarted }: { readonly onStarted: (started: Enrolment) => void }) {
  const { busy, trouble, run } = useTask()
  if (token === '') {
    return (
      <Door>
        <p>This is not a whole link. Open it as it was given to you.</p>
      </Door>
    )
  }
  return (
    <Door>
      <p>With this link you make a passkey, and sign in with it from then on.</p>
      <button
        type="button"
        className="primary wide"
        disabled={busy}
        onClick={() => void run(async () => onStarted(await startEnrolment(token)))}
      >
        Begin
      </button>
      <Trouble says={trouble} />
    </Door>
  )
}

function Make({ started, onMade }: { readonly started: Enrolment; readonly onMade: (made: Made) => void }) {
  const { busy, trouble, run } = useTask()
  const [name, setName] = useState('')
  const { operator, thisMachineOnly, options } = started
  return (
    <Door>
      <p>
        For <strong>{<Name of={operator.name} />}</strong>, {operator.role}.
      </p>
      {thisMachineOnly && <p className="note">A passkey made here is good on this machine only.</p>}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void run(async () => onMade(await completeEnrolment(token, name, options)))
        }}
      >
        <PasskeyName value={name} onChange={setName} />
        <button type="submit" className="primary wide" disabled={busy}>
          Make the passkey
        </button>
        <Trouble says={trouble} />
      </form>
    </Door>
  )
}

function Door({ children }: { readonly children: ReactNode }) {
  return (
    <main className="door">
      <Mark />
      <Title>Make a passkey</Title>
      {children}
    </main>
  )
}
