import type { ReactNode } from 'react'
import { Name } from './name.tsx'

interface RowProps {
  readonly name: string
  /** Beside the name, each in a frame. */
  readonly words?: readonly (string | false)[]
  /** Below it. */
  readonly quiet: ReactNode
  /** What can be done about it. */
  readonly children?: ReactNode
}

/** One thing of a list that has a name, and what can be done about it. */
export function Row({ name, words = [], quiet, children }: RowProps) {
  return (
    <li>
      <span className="row-main">
        <strong>
          <Name of={name} />
        </strong>
        {words
          .filter((word) => word !== false)
          .map((word) => (
            <span key={word} className="word">
              {word}
            </span>
          ))}
        <span className="quiet">{quiet}</span>
      </span>
      {children}
    </li>
  )
}
