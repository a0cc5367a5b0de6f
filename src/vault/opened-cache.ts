import type { Clock } from '../ground/clock.ts'
import type { CredentialId } from '../ground/ids.ts'
import type { OpenedCredential } from './contract.ts'

/** Looked over this often, and let go after this long without use: together never more than 60 s. Milliseconds. */
const SWEEP_MS = 5_000
const IDLE_MS = 55_000

interface Kept {
  readonly opened: OpenedCredential
  usedAt: number
}

/**
 * Credentials in the clear, kept a short while so that a busy one is not decrypted for every call. Whatever leaves the
 * cache is zeroed. That a credential is here gives nobody a right to it: each use still needs its own permit.
 */
export class OpenedCache {
  readonly #kept = new Map<CredentialId, Kept>()
  readonly #clock: Clock
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The credential if it is here in this version; from now on it counts as used. */
  use(id: CredentialId, version: number): OpenedCredential | undefined {
    const kept = this.#kept.get(id)
    if (kept === undefined) return undefined
    const now = this.#clock.mono()
    if (kept.opened.version !== version || now - kept.usedAt >= IDLE_MS) {
      this.drop(id)
      return undefined
    }
    kept.usedAt = now
    return kept.opened
  }

  keep(opened: OpenedCredential): OpenedCredential {
    this.drop(opened.id)
    this.#kept.set(opened.id, { opened, usedAt: this.#clock.mono() })
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    return opened
  }

  drop(id: CredentialId): void {
    const opened = this.#kept.get(id)?.opened
    opened?.value.wipe()
    for (const other of opened?.others ?? []) other.wipe()
    this.#kept.delete(id)
    if (this.#kept.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  clear(): void {
    for (const id of [...this.#kept.keys()]) this.drop(id)
  }

  #sweep(): void {
    const now = this.#clock.mono()
    for (const [id, kept] of [...this.#kept]) if (now - kept.usedAt >= IDLE_MS) this.drop(id)
  }
}
