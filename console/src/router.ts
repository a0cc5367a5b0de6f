// Which view the address names. The gateway answers every address without a file's ending with the same page.
import { useSyncExternalStore } from 'react'

const CHANGED = 'claviger-navigated'

export function usePath(): string {
  return useSyncExternalStore(listen, () => location.pathname)
}

function listen(listener: () => void): () => void {
  addEventListener('popstate', listener)
  addEventListener(CHANGED, listener)
  return () => {
    removeEventListener('popstate', listener)
    removeEventListener(CHANGED, listener)
  }
}

export function go(path: string): void {
  if (path !== location.pathname) history.pushState(null, '', path)
  dispatchEvent(new Event(CHANGED))
}
