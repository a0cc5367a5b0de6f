// What stands around every view: the name, the ways to the others, who is signed in.
import { type ReactNode, useEffect } from 'react'
import { ask } from './api/client.ts'
import { leave } from './api/session.ts'
import type { SignedIn } from './api/types.ts'
import { useApprovals } from './approvals.tsx'
import { Link } from './parts/link.tsx'
import { Mark } from './parts/mark.tsx'
import { Name } from './parts/name.tsx'

const places = [
  ['/', 'Inbox'],
  ['/history', 'History'],
  ['/windows', 'Windows'],
  ['/keys', 'Keys'],
  ['/passkeys', 'Passkeys'],
  ['/devices', 'Devices'],
  ['/channels', 'Channels'],
] as const

interface FrameProps {
  readonly who: SignedIn
  readonly path: string
  readonly children: ReactNode
}

export function Frame({ who, path, children }: FrameProps) {
  const { pending, how } = useApprovals()
  const count = pending?.length ?? 0
  useEffect(() => {
    // The number in the title is for who looks at another tab.
    const name = places.find(([to]) => to === path)?.[1] ?? 'Approval'
    document.title = `${count > 0 ? `(${count}) ` : ''}${name} · Claviger`
  }, [count, path])
  // biome-ignore lint/correctness/useExhaustiveDependencies: with the path another name is the one of here.
  useEffect(() => {
    // On a phone the names are more than fit.
    document.querySelector('.places [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [path])
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand" label="Claviger, inbox">
          <Mark />
          <span>Claviger</span>
        </Link>
        <span className={`how ${how}`}>{how === 'live' ? 'live' : 'asks every 5 s'}</span>
        <span className="who">
          <Name of={who.operator.name} />
          <button type="button" className="plain" onClick={() => void signOut()}>
            Sign out
          </button>
        </span>
      </header>
      <nav className="places" aria-label="Views">
        {places.map(([to, name]) => (
          <Link key={to} to={to} current={to === path}>
            {name}
            {to === '/' && count > 0 && <span className="count">{count}</span>}
          </Link>
        ))}
      </nav>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  )
}

async function signOut(): Promise<void> {
  try {
    await ask('DELETE', '/people/session')
  } finally {
    leave()
  }
}
