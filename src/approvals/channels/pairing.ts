import type { Clock } from '../../ground/clock.ts'
import { type Candidate, type ChannelId, channelProblem } from './contract.ts'

const OPEN_MS = 10 * 60_000
const MOST = 5
/** Clocks differ, and the message says whole seconds. */
const SKEW_MS = 60_000

/**
 * People who wrote to a channel while an operator waited for that. Being here gives nobody anything: an operator looks at
 * the id and says who it is.
 */
export class Pairing {
  readonly #clock: Clock
  readonly #open = new Map<ChannelId, { since: number; readonly people: Map<string, Candidate> }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For ten minutes, from now on. */
  open(id: ChannelId): void {
    this.#open.set(id, { since: this.#clock.now(), people: new Map() })
  }

  close(id: ChannelId): void {
    this.#open.delete(id)
  }

  /** Somebody wrote. Nothing is noted where nobody waits, and nothing that was written before. */
  came(id: ChannelId, candidate: Candidate, at: number): void {
    const waiting = this.#waiting(id)
    if (waiting === undefined || at < waiting.since - SKEW_MS) return
    if (waiting.people.size < MOST) waiting.people.set(candidate.user, candidate)
  }

  candidates(id: ChannelId): Candidate[] {
    return [...(this.#waiting(id)?.people.values() ?? [])]
  }

  /** Throws Problem `channel_candidate_unknown`. */
  candidate(id: ChannelId, user: string): Candidate {
    const found = this.#waiting(id)?.people.get(user)
    if (found === undefined) throw channelProblem('channel_candidate_unknown')
    return found
  }

  #waiting(id: ChannelId) {
    const waiting = this.#open.get(id)
    return waiting !== undefined && this.#clock.now() - waiting.since < OPEN_MS ? waiting : undefined
  }
}
