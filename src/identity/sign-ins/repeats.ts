import { hash } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import type { Found } from './finding.ts'

const AGAIN_MS = 3_600_000
const MOST = 16_384

/**
 * Tells the first of a kind from its repeats: the same type about the same thing of the same agent is new once an hour,
 * unless its detection says otherwise. An agent that runs in two countries at once would else be a finding each time.
 */
export class Repeats {
  readonly #clock: Clock
  /** When each was told last, the longest ago first. */
  readonly #told = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isNew(agent: string, { type, about, quietMs = AGAIN_MS }: Found): boolean {
    const name = hash('sha256', `${agent}\n${type}\n${about}`, 'buffer').toString('latin1', 0, 16)
    const now = this.#clock.mono()
    const told = this.#told.get(name)
    if (told !== undefined && now - told < quietMs) return false
    this.#told.delete(name)
    this.#told.set(name, now)
    if (this.#told.size > MOST) this.#told.delete(this.#told.keys().next().value!)
    return true
  }
}
