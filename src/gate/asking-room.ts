/**
 * How much may lie in memory for rules' and people's sake. A call whose body a rule wants to know, or that a human is asked
 * about, has its whole body read first, and keeps it until it is over; without bounds an agent could fill the memory with
 * calls that nobody will ever approve.
 */
import { denialProblem } from './denials.ts'
import type { CallContents, Caller } from './rooms.ts'

/** Bodies that one agent, and all agents, may be sending in at once. */
const MOST_READING = 4
const MOST_READING_IN_ALL = 32
/** Bytes that are kept of one agent's calls, and of all, until those are over. */
const MOST_BYTES = 64 * 1024 * 1024
const MOST_BYTES_IN_ALL = 256 * 1024 * 1024
/** Callers of one agent that are kept waiting, and bytes of all above which none is: they are told at once to come again. */
const MOST_WAITING = 16
const MOST_BYTES_TO_WAIT = 128 * 1024 * 1024

export class AskingRoom {
  readonly #reading = new Counts()
  readonly #waiting = new Counts()
  readonly #bytes = new Counts()

  /** Reads what would be sent. Throws Problem `too_many_in_flight` where there is no room for it. */
  async read(agent: string, caller: Caller): Promise<KeptContents> {
    if (this.#reading.of(agent) >= MOST_READING || this.#reading.total >= MOST_READING_IN_ALL) throw noRoom()
    this.#reading.add(agent, 1)
    try {
      const contents = await caller.contents()
      const bytes = contents.body?.length ?? 0
      if (this.#bytes.of(agent) + bytes > MOST_BYTES || this.#bytes.total + bytes > MOST_BYTES_IN_ALL) throw noRoom()
      this.#bytes.add(agent, bytes)
      return new KeptContents(contents, () => this.#bytes.add(agent, -bytes))
    } finally {
      this.#reading.add(agent, -1)
    }
  }

  /** Undefined, and nothing was waited for, where there is no room to keep another caller waiting. */
  async waiting<T>(agent: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting.of(agent) >= MOST_WAITING || this.#bytes.total > MOST_BYTES_TO_WAIT) return undefined
    this.#waiting.add(agent, 1)
    try {
      return await work()
    } finally {
      this.#waiting.add(agent, -1)
    }
  }
}

/** What was read of a call; counted until it is let go. */
export class KeptContents {
  readonly contents: CallContents
  #release: (() => void) | undefined

  constructor(contents: CallContents, release: () => void) {
    this.contents = contents
    this.#release = release
  }

  /** Letting go twice does nothing. */
  readonly letGo = (): void => {
    this.#release?.()
    this.#release = undefined
  }
}

/** Of each agent that has any, and of all. */
class Counts {
  readonly #of = new Map<string, number>()
  total = 0

  of(agent: string): number {
    return this.#of.get(agent) ?? 0
  }

  add(agent: string, count: number): void {
    const now = this.of(agent) + count
    this.total += count
    if (now > 0) this.#of.set(agent, now)
    else this.#of.delete(agent)
  }
}

const noRoom = () => denialProblem('too_many_in_flight', { facts: { retryAfterSeconds: 1 } })
