import { hash, type KeyObject, randomBytes } from 'node:crypto'
import { readToken, storedForm } from '../crypto/tokens.ts'
import { type Directory, hashKey, type Token } from './directory.ts'

const MOST = 4_096

/**
 * Finds the token that was presented. Those recognised lately are found by a plain hash, which costs a tenth of the HMAC:
 * SHA-256 over a random prefix of this process and the token, both of fixed length, so that nobody outside can tell which
 * place a token has, and nobody inside can tell the token. What is found is the read-model's own entry, so a status that
 * changed is seen at once. Forgotten with the key it was recognised under, and whenever the room changes or forgets.
 */
export class Recogniser {
  readonly #directory: Directory
  readonly #prefix = randomBytes(32).toString('latin1')
  readonly #lately = new Map<string, Token>()
  #under: KeyObject | undefined

  constructor(directory: Directory) {
    this.#directory = directory
  }

  /** Undefined for what is no token of ours; its checksum comes first, so that garbage costs neither hash nor lookup. */
  recognise(presented: string, pepper: () => KeyObject): Token | undefined {
    const name = readToken(presented)
    if (name === undefined) return undefined
    const key = pepper()
    const place = hash('sha256', this.#prefix + presented, 'base64')
    const known = key === this.#under ? this.#lately.get(place) : undefined
    if (known !== undefined) return known
    const token = this.#directory.tokenByHash(hashKey(storedForm(key, name.kind, presented)))
    if (token !== undefined) this.#keep(place, key, token)
    return token
  }

  forget(): void {
    this.#lately.clear()
    this.#under = undefined
  }

  #keep(place: string, key: KeyObject, token: Token): void {
    if (key !== this.#under || this.#lately.size >= MOST) this.forget()
    this.#under = key
    this.#lately.set(place, token)
  }
}
