import { useEffect, useRef, useState } from 'react'
import { ask } from '../api/client.ts'
import { approve, approveByHand, deny } from '../api/passkey.ts'
import type { Device, Items, OneApproval } from '../api/types.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useTask } from '../parts/use-task.ts'
import { plural } from '../parts/words.ts'
import { visible } from '../visible.ts'

interface VerdictBarProps {
  readonly of: OneApproval
  onAnswered(): void
}

/** Whether this browser is a device whose answer is enough: asked where a push is wanted, and nowhere else. */
function useEnoughHere(assurance: OneApproval['assurance']): boolean {
  const [enough, setEnough] = useState(false)
  useEffect(() => {
    if (assurance !== 'push') return
    ask<Items<Device>>('GET', '/push/devices').then(
      ({ items }) => setEnough(items.some(({ here }) => here)),
      () => setEnough(false),
    )
  }, [assurance])
  return enough || assurance === 'tap'
}

/** Yes by passkey, or by one touch where that is enough; to more of the same by passkey alone; no by a word. */
export function VerdictBar({ of: one, onAnswered }: VerdictBarProps) {
  const { busy, trouble, run } = useTask()
  const [denying, setDenying] = useState(false)
  const enough = useEnoughHere(one.assurance)
  const { window } = one
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
          {window !== undefined && (
            <button type="button" disabled={busy} onClick={() => void answer(() => approve(one, window.digest))}>
              Allow for {visible(window.lasts)}, {plural(window.calls, 'more call')}
            </button>
          )}
          <Yes of={one} enough={enough} busy={busy} onYes={(work) => void answer(work)} />
        </div>
      )}
    </section>
  )
}

interface YesProps {
  readonly of: OneApproval
  readonly enough: boolean
  readonly busy: boolean
  onYes(work: () => Promise<unknown>): void
}

function Yes({ of: one, enough, busy, onYes }: YesProps) {
  const [says, work] = enough ? ['Approve', approveByHand] : ['Approve with passkey', approve]
  return (
    <button type="button" className="primary" disabled={busy} onClick={() => onYes(() => work(one))}>
      {says}
    </button>
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
