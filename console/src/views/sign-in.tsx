import { useState } from 'react'
import { recover, signIn } from '../api/passkey.ts'
import { Mark } from '../parts/mark.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useTask } from '../parts/use-task.ts'

export function SignInView() {
  const { busy, trouble, run } = useTask()
  const [lost, setLost] = useState(false)
  return (
    <main className="door">
      <Mark />
      <Title>Claviger</Title>
      <p className="quiet">Answer what your agents ask for.</p>
      {lost ? (
        <RecoverForm onBack={() => setLost(false)} />
      ) : (
        <>
          <button type="button" className="primary wide" disabled={busy} onClick={() => void run(signIn)}>
            Sign in with passkey
          </button>
          <button type="button" className="plain" onClick={() => setLost(true)}>
            No passkey at hand?
          </button>
          <Trouble says={trouble} />
        </>
      )}
    </main>
  )
}

function RecoverForm({ onBack }: { readonly onBack: () => void }) {
  const { busy, trouble, run } = useTask()
  const [code, setCode] = useState('')
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void run(() => recover(code))
      }}
    >
      <label htmlFor="code">Recovery code</label>
      <input
        id="code"
        value={code}
        onChange={(event) => setCode(event.target.value)}
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        required
        maxLength={64}
        aria-describedby="code-hint"
      />
      <p id="code-hint" className="quiet">
        Each is good once, to make a new passkey. Without one, an owner makes you a link: claviger operator link NAME.
      </p>
      <button type="submit" className="primary wide" disabled={busy}>
        Use the code
      </button>
      <button type="button" className="plain" onClick={onBack}>
        Back
      </button>
      <Trouble says={trouble} />
    </form>
  )
}
