// Who is signed in. The csrf token is shared by all tabs: it opens nothing without the cookie, which no script can read.
import { useSyncExternalStore } from 'react'
import type { NewSession, SignedIn } from './types.ts'

export type Session = { readonly is: 'asked' } | { readonly is: 'out' } | { readonly is: 'in'; readonly who: SignedIn }

const KEY = 'claviger-csrf'
let now: Session = { is: 'asked' }
const listeners = new Set<() => void>()

function set(next: Session): void {
  now = next
  for (const listener of listeners) listener()
}

export function useSession(): Session {
  return useSyncExternalStore(listen, () => now)
}

function listen(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function csrf(): string | undefined {
  return localStorage.getItem(KEY) ?? undefined
}

export function enter({ csrf: token, ...who }: NewSession): void {
  localStorage.setItem(KEY, token)
  set({ is: 'in', who })
}

export function found(who: SignedIn): void {
  set({ is: 'in', who })
}

/** The session is over. With the token it was known by, where a newer one must not be forgotten. */
export function leave(token?: string): void {
  if (token !== undefined && csrf() !== undefined && csrf() !== token) return
  localStorage.removeItem(KEY)
  set({ is: 'out' })
}

/** Runs `reload` when another tab signs in, and leaves when one signs out. */
export function followOtherTabs(reload: () => void): () => void {
  const changed = ({ key, newValue }: StorageEvent) => {
    if (key !== KEY) return
    if (newValue === null) leave()
    else reload()
  }
  addEventListener('storage', changed)
  return () => removeEventListener('storage', changed)
}
