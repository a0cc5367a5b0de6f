import { useState } from 'react'

interface OnceShownProps {
  readonly title: string
  readonly hint: string
  readonly lines: readonly string[]
  readonly done: string
  onDone(): void
}

/** What is said this once and never again. It leaves the page when somebody says that they have it. */
export function OnceShown({ title, hint, lines, done, onDone }: OnceShownProps) {
  const [copied, setCopied] = useState('')
  const copy = () =>
    navigator.clipboard.writeText(lines.join('\n')).then(
      () => setCopied('Copied.'),
      () => setCopied('It could not be copied; write it down.'),
    )
  return (
    <section className="once" aria-label={title}>
      <h2>{title}</h2>
      <p>{hint}</p>
      <ul className="secrets">
        {lines.map((line) => (
          <li key={line}>
            <code>{line}</code>
          </li>
        ))}
      </ul>
      <div className="buttons">
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
        <button type="button" className="primary" onClick={onDone}>
          {done}
        </button>
      </div>
      <p role="status" className="quiet">
        {copied}
      </p>
    </section>
  )
}
