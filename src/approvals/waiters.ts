import type { Approval } from './contract.ts'

/** Who waits for an answer, and who wants to hear of all of them. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #listeners: ((approval: Approval, what: string) => void)[] = []

  follow(listener: (approval: Approval, what: string) => void): void {
    this.#listeners.push(listener)
  }

  tell(approval: Approval, what: string): void {
    if (approval.status !== 'pending') this.wake(approval.id)
    for (const listener of this.#listeners) listener(approval, what)
  }

  /** Whoever waits for it goes on, answered or not. */
  wake(id: string): void {
    for (const go of this.#waiting.get(id) ?? []) go()
  }

  /** Everybody who waits goes on, and finds out for himself. */
  giveUp(): void {
    for (const waiting of this.#waiting.values()) for (const go of waiting) go()
  }

  wait(id: string, waitMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', go)
        const waiting = this.#waiting.get(id)
        waiting?.delete(go)
        if (waiting?.size === 0) this.#waiting.delete(id)
        resolve()
      }
      const timer = setTimeout(go, waitMs)
      const waiting = this.#waiting.get(id) ?? new Set()
      this.#waiting.set(id, waiting.add(go))
      signal?.addEventListener('abort', go)
      if (signal?.aborted === true) go()
    })
  }
}
