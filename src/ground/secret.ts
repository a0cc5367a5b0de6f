import { inspect } from 'node:util'

/**
 * Bytes that must never be printed. Whatever serialises a Secret by accident (template string, JSON, logger, inspector)
 * gets `[secret]`; the bytes come out of `reveal()` alone, whose callers are counted by a check.
 */
export class Secret {
  readonly #bytes: Buffer

  /** Takes ownership of `bytes`: the caller must not keep or reuse them. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  static fromText(text: string): Secret {
    return new Secret(Buffer.from(text, 'utf8'))
  }

  /** The bytes themselves, not a copy. Never store, log or close over the result. */
  reveal(): Buffer {
    return this.#bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  /** Overwrites the bytes with zeros. Afterwards `reveal()` gives zeros. */
  wipe(): void {
    this.#bytes.fill(0)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
