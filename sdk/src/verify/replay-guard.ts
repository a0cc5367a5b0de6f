import { ClavigerError } from '../claviger-error.ts'
import type { Now } from '../platform.ts'

/** Remembers what may be used once. Several processes behind one address need one that they share. */
export interface ReplayGuard {
  /** True for the first who asks with this name before `untilMs`. */
  claim(name: string, untilMs: number): boolean | Promise<boolean>
}

const CAPACITY = 100_000

/** In this process's memory. Full of names that still count, it refuses: forgetting one would let it be used again. */
export class MemoryReplayGuard implements ReplayGuard {
  readonly #now: Now
  readonly #capacity: number
  readonly #seen = new Map<string, number>()

  constructor(now: Now = Date.now, capacity = CAPACITY) {
    this.#now = now
    this.#capacity = capacity
  }

  claim(name: string, untilMs: number): boolean {
    const now = this.#now()
    if ((this.#seen.get(name) ?? 0) > now) return false
    if (this.#seen.size >= this.#capacity) this.#forget(now)
    if (this.#seen.size >= this.#capacity) {
      throw new ClavigerError('replay_guard_full', 'Too many proofs at a time', { status: 503 })
    }
    this.#seen.set(name, untilMs)
    return true
  }

  #forget(now: number): void {
    for (const [name, untilMs] of this.#seen) if (untilMs <= now) this.#seen.delete(name)
  }
}
