import { type ReactNode, useEffect, useRef } from 'react'

/** A view's heading. It takes the focus when the view opens, so that what is read aloud begins with it. */
export function Title({ children }: { readonly children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  )
}
