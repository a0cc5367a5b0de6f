import type { Problem } from '../../ground/problem.ts'
import { httpProblem } from '../../http/problems.ts'
import type { CallMeter } from '../../llm/call-meter.ts'
import { llmProblem } from '../../llm/contract.ts'
import type { BodyTransform, Emit } from '../../proxy/transform.ts'

/**
 * A body that goes on as it comes. What it says is read on the way, and its last piece waits for the verdict, as does the piece
 * that closes its JSON or its form, after which a server may act whatever follows: a vendor never has all of a request that its bot may not
 * make.
 */
export class MeteredBody implements BodyTransform {
  readonly keepsLength = true
  readonly #meter: CallMeter
  readonly #maxBytes: number
  #last: Buffer | undefined

  constructor(meter: CallMeter, maxBytes: number) {
    this.#meter = meter
    this.#maxBytes = maxBytes
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    const { asked } = this.#meter
    asked.push(chunk)
    if (asked.bytes > this.#maxBytes) throw this.#ended(httpProblem('body_too_large'))
    if (this.#meter.isBounded) this.#look()
    const before = this.#last
    this.#last = chunk
    return before === undefined ? undefined : emit(before)
  }

  #look(): void {
    const { asked, isJudged } = this.#meter
    if (asked.whole) this.#meter.judge()
    else if (isJudged) throw this.#ended(llmProblem('llm_not_allowed', { facts: { what: 'body' } }))
    else if (asked.lost) this.#meter.look()
    else this.#meter.reserve()
  }

  /** What the vendor has all of already counts, whatever follows. */
  #ended(problem: Problem): Problem {
    if (this.#meter.isJudged) this.#meter.close(false, 0, undefined, problem.status)
    return problem
  }

  flush(emit: Emit): void | Promise<void> {
    this.#meter.asked.end()
    this.#meter.judge()
    return this.#last === undefined ? undefined : emit(this.#last)
  }
}
