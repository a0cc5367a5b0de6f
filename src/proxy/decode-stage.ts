import type { Transform } from 'node:stream'
import { problemsOf } from '../ground/problem.ts'
import { proxyProblem } from './problems.ts'
import type { BodyTransform, Emit } from './transform.ts'
import { windows } from './window-pool.ts'

/** How much a body may grow when it is decompressed. Bytes, but for `ratio`. */
export interface DecodeLimits {
  /** Output that needs no justification. */
  readonly freeBytes: number
  /** Beyond that: output bytes for each byte that came in. */
  readonly ratio: number
  /** Output of one body, whatever came in. */
  readonly maxBytes: number
}

export const decodeProblems = {
  upstream_encoding_refused: {
    status: 502,
    title: 'The service answered in a content encoding that cannot be searched for secrets',
    hint: 'Send an Accept-Encoding of gzip, deflate, br, zstd or identity.',
  },
  upstream_body_swells: {
    status: 502,
    title: 'The answer of the service grows more under decompression than is allowed',
  },
} as const

export const decodeProblem = problemsOf(decodeProblems)

/** Counts what came in against what came out, over all layers of one body. */
export class DecodeBudget {
  #in = 0
  #out = 0
  readonly #limits: DecodeLimits

  constructor(limits: DecodeLimits) {
    this.#limits = limits
  }

  came(bytes: number): void {
    this.#in += bytes
  }

  /** Throws Problem `upstream_body_swells` when the output is too much. */
  goes(bytes: number): void {
    this.#out += bytes
    const { freeBytes, ratio, maxBytes } = this.#limits
    if (this.#out > maxBytes || this.#out > freeBytes + this.#in * ratio) throw decodeProblem('upstream_body_swells')
  }
}

/**
 * One layer of compression taken off by a stream of node:zlib, which works on another thread. Output is passed on as
 * soon as there is some, in small pieces, and no more is made while the receiver is not ready. A stream that ends
 * early or is damaged rejects with Problem `upstream_broke`, one that there is no memory for with `decoding_busy`; bytes after its end are dropped.
 */
export class DecodeStage implements BodyTransform {
  readonly #engine: Transform
  readonly #window: (begin: Buffer) => number
  readonly #budget: DecodeBudget
  #failure: Error | undefined
  #ended = false
  #touched = false
  #wake: () => void = () => undefined

  /** `window` tells from the first bytes how much the engine may come to hold. */
  constructor(engine: Transform, budget: DecodeBudget, window: (begin: Buffer) => number) {
    this.#engine = engine
    this.#window = window
    this.#budget = budget
    engine.on('readable', () => this.#wake())
    engine.on('end', () => {
      this.#ended = true
      this.#wake()
    })
    engine.on('error', (error) => {
      this.#failure = error
      this.#wake()
    })
  }

  async push(chunk: Buffer, emit: Emit): Promise<void> {
    if (this.#ended) return
    if (!this.#touched) windows.take(this.#window(chunk), this.#engine)
    this.#touched = true
    let taken = false
    this.#engine.write(chunk, () => {
      taken = true
      this.#wake()
    })
    await this.#drain(() => taken || this.#ended, emit)
  }

  async flush(emit: Emit): Promise<void> {
    // No body at all (HEAD, 304) is not a truncated one.
    if (!this.#touched || this.#ended) return
    this.#engine.end()
    await this.#drain(() => this.#ended, emit)
  }

  destroy(): void {
    this.#engine.destroy()
    this.#ended = true
    this.#wake()
  }

  async #drain(done: () => boolean, emit: Emit): Promise<void> {
    for (;;) {
      const out: Buffer | null = this.#engine.read()
      if (out !== null) {
        this.#budget.goes(out.length)
        const wait = emit(out)
        if (wait !== undefined) await wait
      } else if (this.#failure !== undefined) {
        throw proxyProblem('upstream_broke', { detail: 'the compressed body is damaged or cut', cause: this.#failure })
      } else if (done()) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
