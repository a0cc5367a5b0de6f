import { useEffect, useRef, useState } from 'react'

interface TwiceProps {
  readonly name: string
  readonly sure: string
  readonly about: string
  readonly busy: boolean
  onSure(): void
}

/** A button for what cannot be taken back: pressed twice. */
export function Twice({ name, sure, about, busy, onSure }: TwiceProps) {
  const [asked, setAsked] = useState(false)
  if (asked) return <Sure sure={sure} about={about} busy={busy} onSure={onSure} onKeep={() => setAsked(false)} />
  return (
    <button type="button" aria-label={`${name} ${about}`} onClick={() => setAsked(true)}>
      {name}
    </button>
  )
}

function Sure({ sure, about, busy, onSure, onKeep }: Omit<TwiceProps, 'name'> & { onKeep(): void }) {
  const button = useRef<HTMLButtonElement>(null)
  // Where the first one was, and with it the focus.
  useEffect(() => button.current?.focus(), [])
  return (
    <span className="buttons">
      <button
        ref={button}
        type="button"
        className="danger"
        disabled={busy}
        onClick={onSure}
        aria-label={`${sure} ${about}`}
      >
        {sure}
      </button>
      <button type="button" className="plain" onClick={onKeep}>
        Keep
      </button>
    </span>
  )
}
