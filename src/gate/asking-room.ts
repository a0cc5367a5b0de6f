/**
 * How much may lie in memory for people's sake. A call that a human is asked about has its whole body read first, and keeps
 * it while its caller waits; without bounds an agent could fill the memory with calls that nobody will ever approve.
 */
import { denialProblem } from './denials.ts'

/** Bodies that one agent, and all agents, may be sending in at once. */
const MOST_READING = 4
const MOST_READING_IN_ALL = 32
/** Callers of one agent, and bytes of all, that are kept waiting; beyond them callers are told at once to come again. */
const MOST_WAITING = 16
const MOST_BYTES = 256 * 1024 * 1024

export class AskingRoom {
  readonly #reading = new Map<string, number>()
  readonly #waiting = new Map<string, number>()
  #readingInAll = 0
  #bytes = 0

  /** Throws Problem `too_many_in_flight` where too many bodies are on their way in. */
  async reading<T>(agent: string, work: () => Promise<T>): Promise<T> {
    const own = this.#reading.get(agent) ?? 0
    if (own >= MOST_READING || this.#readingInAll >= MOST_READING_IN_ALL)
      throw denialProblem('too_many_in_flight', { facts: { retryAfterSeconds: 1 } })
    this.#reading.set(agent, own + 1)
    this.#readingInAll += 1
    try {
      return await work()
    } finally {
      this.#readingInAll -= 1
      less(this.#reading, agent)
    }
  }

  /** Undefined, and nothing was waited for, where there is no room to keep `bytes`. */
  async waiting<T>(agent: string, bytes: number, work: () => Promise<T>): Promise<T | undefined> {
    const own = this.#waiting.get(agent) ?? 0
    if (own >= MOST_WAITING || this.#bytes + bytes > MOST_BYTES) return undefined
    this.#waiting.set(agent, own + 1)
    this.#bytes += bytes
    try {
      return await work()
    } finally {
      this.#bytes -= bytes
      less(this.#waiting, agent)
    }
  }
}

function less(counts: Map<string, number>, agent: string): void {
  const left = (counts.get(agent) ?? 1) - 1
  if (left > 0) counts.set(agent, left)
  else counts.delete(agent)
}
