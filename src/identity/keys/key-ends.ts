import type { Clock } from '../../ground/clock.ts'
import type { Change } from '../../storage/storage.ts'
import type { KeyRing } from './key-ring.ts'

/** A timer of Node's cannot wait longer. */
const LONGEST_WAIT_MS = 2_147_483_647

/** Says when the overlap of a key is over: that is an end for which there is no change. */
export class KeyEnds {
  readonly #keys: KeyRing
  readonly #clock: Clock
  readonly #ended: () => void
  #timer: NodeJS.Timeout | undefined

  constructor({ keys, clock }: { readonly keys: KeyRing; readonly clock: Clock }, ended: () => void) {
    this.#keys = keys
    this.#clock = clock
    this.#ended = ended
  }

  /** A key that retires is to be looked at again at its end. */
  follow({ kind, after }: Change): void {
    if (kind === 'agent_key' && (after as { status: string }).status === 'retiring') this.look()
  }

  /** After the keys were read, too. */
  look(): void {
    this.stop()
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const { status, retiresAt = 0 } of this.#keys.all()) {
      if (status === 'retiring' && retiresAt > now) next = Math.min(next, retiresAt)
    }
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#due(next), Math.min(next - now, LONGEST_WAIT_MS)).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #due(at: number): void {
    if (this.#clock.now() >= at) this.#ended()
    this.look()
  }
}
