import { Problem, problemsOf } from '../../ground/problem.ts'
import { defaultDecodeLimits, stageOf } from '../decode.ts'
import { DecodeBudget, type DecodeStage } from '../decode-stage.ts'
import type { BodyTransform, Emit } from '../transform.ts'
import { beginsLikeMark, formatsOf } from './compressed-formats.ts'
import type { SecretMatcher, SecretStream } from './matcher.ts'

/**
 * Watches a body that is itself compressed (a download, or a content encoding that was not declared). It goes on byte
 * for byte, a copy is decompressed and searched, and bytes go on only when what they decompress to is clean. A secret
 * cannot be taken out of compressed bytes, so the body is cut there.
 *
 * Promised for bodies that begin as gzip, zstd or zlib data. Brotli and bare deflate have no mark: they are tried on
 * bodies that do not begin as text, and a sender who wants to can hide from that. Not promised: archives of several
 * members (zip), compressed data further inside a body, compression within compression, ranges (206).
 */

export const guardProblems = {
  upstream_secret_compressed: {
    status: 502,
    title: 'The answer holds a credential inside compressed data, where it cannot be taken out',
  },
} as const

const guardProblem = problemsOf(guardProblems)

/** Bytes that may wait for one decision. More come only from a sender who pads compressed data on purpose. */
const MAX_WITHHELD = 1 << 20

/** Downloads may be of any size; they are not collected. */
const limits = { ...defaultDecodeLimits, maxBytes: Number.POSITIVE_INFINITY }

interface Watcher {
  readonly stage: DecodeStage
  readonly stream: SecretStream
  /** Damage means that not everything was searched: cut. Otherwise: it was another format, stop watching. */
  readonly certain: boolean
}

const noWatchers: Watcher[] = []

class CompressedGuard implements BodyTransform {
  readonly #matcher: SecretMatcher
  readonly #budget = new DecodeBudget(limits)
  /** The beginning of the body while it is too short to tell. */
  #begin: Buffer | undefined
  #watchers: Watcher[] | undefined
  #withheld: Buffer[] = []

  constructor(matcher: SecretMatcher) {
    this.#matcher = matcher
  }

  push(chunk: Buffer, emit: Emit): void | Promise<void> {
    if (this.#watchers !== undefined) return this.#watchers.length === 0 ? emit(chunk) : this.#watch(chunk, emit)
    const begin = this.#begin === undefined ? chunk : Buffer.concat([this.#begin, chunk])
    this.#begin = beginsLikeMark(begin) ? begin : undefined
    return this.#begin === undefined ? this.#decide(begin, emit) : undefined
  }

  flush(emit: Emit): void | Promise<void> {
    if (this.#begin !== undefined) return emit(this.#begin)
    return this.#watchers === undefined || this.#watchers.length === 0 ? undefined : this.#finish(emit)
  }

  destroy(): void {
    for (const { stage } of this.#watchers ?? []) stage.destroy()
  }

  #decide(begin: Buffer, emit: Emit): void | Promise<void> {
    const formats = formatsOf(begin)
    if (formats.length === 0) {
      this.#watchers = noWatchers
      return emit(begin)
    }
    this.#watchers = formats.map(({ engine, certain }) => ({
      stage: stageOf(engine, this.#budget),
      stream: this.#matcher.stream(),
      certain,
    }))
    return this.#watch(begin, emit)
  }

  async #watch(chunk: Buffer, emit: Emit): Promise<void> {
    this.#budget.came(chunk.length)
    this.#withheld.push(chunk)
    for (const watcher of [...this.#watchers!]) {
      try {
        await watcher.stage.push(chunk, (out) => this.#search(watcher.stream, out))
      } catch (error) {
        if (watcher.certain || !isDamage(error)) throw error
        this.#watchers = this.#watchers!.filter((other) => other !== watcher)
      }
    }
    if (this.#watchers!.every(({ stream }) => stream.held === 0)) await this.#release(emit)
    else if (this.#withheld.reduce((sum, { length }) => sum + length, 0) > MAX_WITHHELD) throw compressedSecret()
  }

  async #finish(emit: Emit): Promise<void> {
    for (const { stage, stream } of this.#watchers!) {
      try {
        await stage.flush((out) => this.#search(stream, out))
      } catch (error) {
        // Cut short: whatever could be decompressed was searched.
        if (!isDamage(error)) throw error
      }
      stream.flush()
      if (stream.hits > 0) throw compressedSecret()
    }
    await this.#release(emit)
  }

  #search(stream: SecretStream, out: Buffer): void {
    stream.push(out)
    if (stream.hits > 0) throw compressedSecret()
  }

  async #release(emit: Emit): Promise<void> {
    const released = this.#withheld
    this.#withheld = []
    for (const chunk of released) await emit(chunk)
  }
}

/** A guard for one body. Costs one look at the first chunk where the body is text. */
export function compressedGuard(matcher: SecretMatcher): BodyTransform {
  return new CompressedGuard(matcher)
}

const compressedSecret = (): Problem => guardProblem('upstream_secret_compressed')

const isDamage = (error: unknown): boolean => error instanceof Problem && error.code === 'upstream_broke'
