import { toBase64url } from '../../crypto/base64url.ts'
import type { Clock } from '../../ground/clock.ts'

/** Each is a few hundred bytes; the oldest go first. */
const MOST = 4_096

/**
 * What authenticators were asked to sign, in memory: each is good for one try, for a while. A restart forgets them, and
 * whoever was about to answer is asked again. By design: a challenge in a database could come back with it.
 */
export class Challenges<Asked> {
  readonly #clock: Clock
  readonly #lifeMs: number
  readonly #open = new Map<string, { readonly asked: Asked; readonly endsAt: number }>()

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock
    this.#lifeMs = lifeMs
  }

  /** Remembers it. The text is what `clientDataJSON` will say. */
  open(challenge: Uint8Array, asked: Asked): string {
    const text = toBase64url(challenge)
    for (const [key, { endsAt }] of this.#open) {
      if (this.#open.size < MOST && endsAt > this.#clock.mono()) break
      this.#open.delete(key)
    }
    this.#open.set(text, { asked, endsAt: this.#clock.mono() + this.#lifeMs })
    return text
  }

  /** What was asked with this challenge, once; whatever becomes of the answer, there is no second try. */
  take(challenge: string): Asked | undefined {
    const known = this.#open.get(challenge)
    this.#open.delete(challenge)
    return known !== undefined && this.#clock.mono() < known.endsAt ? known.asked : undefined
  }

  clear(): void {
    this.#open.clear()
  }
}
