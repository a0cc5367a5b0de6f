import { Problem } from '../../ground/problem.ts'
import type { ChannelId } from './contract.ts'

interface Health {
  failingSince: number | undefined
  lastError: string | undefined
  lastSuccessAt: number | undefined
  foreign: number
  refused: number
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000

/** How each channel does, since this start; and when what failed is tried again. */
export class ChannelHealth {
  readonly #of = new Map<ChannelId, Health>()
  readonly #tries = new Map<string, { failures: number; nextAt: number }>()

  get(channel: ChannelId): Readonly<Health> {
    return this.#health(channel)
  }

  worked(channel: ChannelId, now: number): void {
    Object.assign(this.#health(channel), { failingSince: undefined, lastSuccessAt: now })
  }

  failed(channel: ChannelId, error: unknown, now: number): void {
    const health = this.#health(channel)
    health.failingSince ??= now
    health.lastError = codeOf(error)
  }

  count(channel: ChannelId, what: 'foreign' | 'refused'): number {
    return ++this.#health(channel)[what]
  }

  forget(channel: ChannelId): void {
    this.#of.delete(channel)
  }

  mayTry(task: string, now: number): boolean {
    return (this.#tries.get(task)?.nextAt ?? 0) <= now
  }

  /** A second after the first failure, twice as long after each further one, a minute at most; or what the service asks for. */
  again(task: string, error: unknown, now: number): void {
    const failures = (this.#tries.get(task)?.failures ?? 0) + 1
    const wanted = error instanceof Problem ? Number(error.facts.retryAfterSeconds ?? 0) * 1_000 : 0
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10))
    this.#tries.set(task, { failures, nextAt: now + Math.max(pause, wanted) })
  }

  settled(task: string): void {
    this.#tries.delete(task)
  }

  clear(): void {
    this.#of.clear()
    this.#tries.clear()
  }

  #health(channel: ChannelId): Health {
    const known = this.#of.get(channel)
    if (known !== undefined) return known
    const fresh = { failingSince: undefined, lastError: undefined, lastSuccessAt: undefined, foreign: 0, refused: 0 }
    this.#of.set(channel, fresh)
    return fresh
  }
}

/** A code of ours, never words from outside. */
function codeOf(error: unknown): string {
  if (!(error instanceof Problem)) return 'internal_error'
  return error.facts.status === undefined ? error.code : `${error.code} (${error.facts.status})`
}
