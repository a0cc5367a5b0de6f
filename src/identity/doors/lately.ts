import { hash, type KeyObject, randomBytes } from 'node:crypto'
import type { Token } from '../directory.ts'

const MOST = 4_096

/**
 * Tokens of a door that were recognised lately, found by a plain hash, which costs a fraction of the keyed one
 * (recogniser.ts says why that is safe). Forgotten with the key that they were recognised under.
 */
export class Lately {
  readonly #prefix = randomBytes(32).toString('latin1')
  readonly #known = new Map<string, Token>()
  #under: KeyObject | undefined

  find(presented: string, key: KeyObject): Token | undefined {
    return key === this.#under ? this.#known.get(this.#place(presented)) : undefined
  }

  keep(presented: string, key: KeyObject, token: Token): void {
    if (key !== this.#under || this.#known.size >= MOST) this.#known.clear()
    this.#under = key
    this.#known.set(this.#place(presented), token)
  }

  #place(presented: string): string {
    return hash('sha256', this.#prefix + presented, 'base64')
  }
}
