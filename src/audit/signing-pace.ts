import type { Clock } from '../ground/clock.ts'
import type { Waiting } from './waiting.ts'

const SIGN_AFTER_MS = 1_000
const PUBLISH_AFTER_MS = 60_000
/** Fewer records than this wait for the publication: signing costs a sync of its own. */
const WORTH_SIGNING = 256
const ANCHOR_EVERY = 40_000

export interface PaceActions {
  /** Signs what is durable. */
  sign(): void
  /** Anchors, signs and publishes. */
  publish(): void
  anchor(): void
}

/**
 * When to sign: at most once a second under load, at least every 60 s while records arrive; and when to anchor. Anchors do
 * not count as records that arrive, or an idle log would never rest.
 */
export class SigningPace {
  readonly #clock: Clock
  readonly #actions: PaceActions
  #unsigned = 0
  #unanchored: number
  #signedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock, unanchored: number, actions: PaceActions) {
    this.#clock = clock
    this.#unanchored = unanchored
    this.#actions = actions
  }

  durable(entries: readonly Waiting[]): void {
    const anchors = entries.some(({ type }) => type === 'anchor') ? 1 : 0
    const arrived = entries.length - anchors
    this.#unsigned += arrived
    this.#unanchored = anchors > 0 ? 0 : this.#unanchored + arrived
    if (arrived > 0) this.#timer ??= setTimeout(() => this.#publish(), PUBLISH_AFTER_MS).unref()
    if (this.#unanchored >= ANCHOR_EVERY) {
      this.#unanchored = 0
      this.#actions.anchor()
    }
    if (this.#unsigned >= WORTH_SIGNING && this.#clock.mono() - this.#signedAt >= SIGN_AFTER_MS) this.#actions.sign()
  }

  /** A checkpoint of all that is durable was made. */
  signed(): void {
    this.#unsigned = 0
    this.#signedAt = this.#clock.mono()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #publish(): void {
    this.#timer = undefined
    this.#actions.publish()
  }
}
