import { httpProblem } from '../../http/problems.ts'
import type { CallMeter } from '../../llm/call-meter.ts'
import type { BodyTransform, Emit } from '../../proxy/transform.ts'

/**
 * A body that goes on as it comes. What it says is read on the way, and its last piece waits for the verdict: a vendor never has
 * all of a request that its bot may not make.
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
    if (asked.bytes > this.#maxBytes) throw httpProblem('body_too_large')
    const before = this.#last
    this.#last = chunk
    return before === undefined ? undefined : emit(before)
  }

  flush(emit: Emit): void | Promise<void> {
    this.#meter.judge()
    return this.#last === undefined ? undefined : emit(this.#last)
  }
}
