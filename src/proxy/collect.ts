// The way in for doors: a call whose answer they put into words of their own. The gate, the record and the scrubbing are
// everybody's; what is other is that the answer comes back whole, or as the Problem that there is instead.
import type { Problem } from '../ground/problem.ts'
import { type CarriedCall, type CarryOutOptions, carryOut } from './carry-out.ts'
import type { AnswerHead } from './held-answer.ts'
import { proxyProblem } from './problems.ts'
import type { Recipient, Writable } from './recipient.ts'

/** A call as a door brings it. */
export type CollectedCall = Omit<CarriedCall, 'recipient' | 'base' | 'body' | 'firstTry'> & {
  readonly body: Buffer | undefined
}

/** The service's answer, scrubbed. */
export interface Collected {
  readonly status: number
  /** Names and values by turns, as the service spelt them; without those of the connection, and without a length. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** What a collected answer may weigh, bytes: it is held in memory. */
export const MAX_COLLECTED = 10 * 1024 * 1024

/**
 * `leaving`: the connection of whoever waits for the answer: when it closes, the call ends. Rejects with the Problem that
 * the caller would have been answered, among them `answer_too_large`.
 */
export type Collect = (call: CollectedCall, leaving: Leaving, maxBytes?: number) => Promise<Collected>

/** What is asked of such a connection. */
export interface Leaving {
  readonly destroyed: boolean
  on(event: 'close', listener: () => void): unknown
}

export function createCollect(options: CarryOutOptions): Collect {
  return (call, leaving, maxBytes = MAX_COLLECTED) =>
    new Promise((resolve, reject) => {
      const recipient = new Collector(leaving, maxBytes, resolve, reject)
      void carryOut(options, { ...call, recipient, base: undefined })
    })
}

class Collector implements Recipient {
  readonly headOnly = false
  readonly #leaving: Leaving
  readonly #maxBytes: number
  readonly #resolve: (collected: Collected) => void
  readonly #reject: (problem: Problem) => void
  #over = false

  constructor(
    leaving: Leaving,
    maxBytes: number,
    resolve: (collected: Collected) => void,
    reject: (problem: Problem) => void,
  ) {
    this.#leaving = leaving
    this.#maxBytes = maxBytes
    this.#resolve = resolve
    this.#reject = reject
  }

  get gone(): boolean {
    return this.#leaving.destroyed
  }

  onGone(listener: () => void): void {
    this.#leaving.on('close', () => {
      // The end of every good answer closes it too.
      if (this.#over) return
      listener()
      // Nobody reads it any more; whoever waits must not wait for ever.
      this.refuse(proxyProblem('call_ended', { facts: { reason: 'caller_left' } }))
    })
  }

  invite(): void {}

  answer(): Writable {
    return new Collecting(this.#maxBytes, (collected) => {
      this.#over = true
      this.#resolve(collected)
    })
  }

  refuse(problem: Problem): void {
    this.#over = true
    this.#reject(problem)
  }
}

/** Never `sent`: until its end, whatever goes wrong is told instead of it. */
class Collecting implements Writable {
  readonly sent = false
  readonly blocked = false
  readonly #maxBytes: number
  readonly #resolve: (collected: Collected) => void
  #head: AnswerHead | undefined
  #chunks: Buffer[] = []
  bytes = 0

  constructor(maxBytes: number, resolve: (collected: Collected) => void) {
    this.#maxBytes = maxBytes
    this.#resolve = resolve
  }

  begin(head: AnswerHead): void {
    this.#head = head
  }

  write(chunk: Buffer): void {
    this.bytes += chunk.length
    if (this.bytes > this.#maxBytes) throw proxyProblem('answer_too_large', { facts: { maxBytes: this.#maxBytes } })
    this.#chunks.push(chunk)
  }

  end(): void {
    const { status = 0, headers = [] } = this.#head ?? {}
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    this.#resolve({ status, headers, body })
  }

  cut(): void {
    this.drop()
  }

  drop(): void {
    this.#chunks = []
  }
}
