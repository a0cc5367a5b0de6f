import type { MouseEvent, ReactNode } from 'react'
import { go } from '../router.ts'

interface LinkProps {
  readonly to: string
  readonly className?: string
  readonly label?: string
  readonly current?: boolean
  readonly children: ReactNode
}

/** Within these pages; a new tab where somebody asks for one. */
export function Link({ to, className, label, current, children }: LinkProps) {
  const followed = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    go(to)
  }
  return (
    <a
      href={to}
      className={className}
      aria-label={label}
      aria-current={current ? 'page' : undefined}
      onClick={followed}
    >
      {children}
    </a>
  )
}
