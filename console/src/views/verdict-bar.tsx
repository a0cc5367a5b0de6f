import { useEffect, useRef, useState } from 'react'
import { approve, deny } from '../api/passkey.ts'
import type { OneApproval } from '../api/types.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useTask } from '../parts/use-task.ts'

interface VerdictBarProps {
  readonly of: OneApproval
  onAnswered(): void
}

/** Yes by passkey, no by a word. */
export function VerdictBar({ of: one, onAnswered }: VerdictBarProps) {
  const { busy, trouble, run } = useTask()
  const [denying, setDenying] = useState(false)
  const answer = (work: () => Promise<unknown>) =>
    run(async () => {
      try {
        await work()
      } finally {
        onAnswered()
      }
    })
  return (
    <section className="verdict" aria-label="Your answer">
      <Trouble says={trouble} />
      {denying ? (
        <DenyForm
          busy={busy}
          onDeny={(reason) => void answer(() => deny(one, reason))}
          onBack={() => setDenying(false)}
        />
      ) : (
        <div className="buttons">
          <button type="button" className="danger" disabled={busy} onClick={() => setDenying(true)}>
            Deny
          </button>
          <button type="button" className="primary" disabled={busy} onClick={() => void answer(() => approve(one))}>
            Approve with passkey
          </button>
        </div>
      )}
    </section>
  )
}

interface DenyFormProps {
  readonly busy: boolean
  onDeny(reason: string): void
  onBack(): void
}

function DenyForm({ busy, onDeny, onBack }: DenyFormProps) {
  const [reason, setReason] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        onDeny(reason)
      }}
    >
      <label htmlFor="reason">Reason, if you want to give one</label>
      <input
        id="reason"
        ref={field}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
        maxLength={500}
        autoComplete="off"
      />
      <div className="buttons">
        <button type="button" onClick={onBack}>
          Back
        </button>
        <button type="submit" className="danger" disabled={busy}>
          Deny it
        </button>
      </div>
    </form>
  )
}
